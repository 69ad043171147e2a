"""What was used: kinds of energy and water, reads, figures that agree, demand and power factor."""
