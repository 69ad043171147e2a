"""Which controls a visit must never touch: those that pay, enrol, cancel, delete or accept.

A name is judged by what pressing it does. Nouns that lead to a list ("Payment history"), what leaves a dialog
("Cancel", "Close"), refusals ("Don't accept") and consent to cookies are taken out first; verbs of the rest
are refused, also where it is not certain: no script needs to press them.
"""

from __future__ import annotations

import re
import unicodedata

_WHAT_IT_IS = (
    r"(history|activity|activities|records?|receipts?|status|details?|summary|overview|statements?|reports?"
    r"|list|due( date)?|dates?|faqs?|help|information|info|locations?|centers?|terms|policy|policies)"
)
_VERBS = (
    r"(pay|pre-?pay|enroll?|unenroll?|cancel|delete|remove|deactivate|subscribe|unsubscribe|donate|purchase"
    r"|buy|accept|agree|consent|go paperless|sign up|opt in|opt out)"
)
_LEAVE = r"(go back|back|return|close|exit|leave|start over|sign out|log out)"
_ALSO = r"(pay|terms|conditions|agreement|enroll?|autopay|policy|policies|términos|condiciones|conditions)"

_LIST = r"(payments?|enroll?ments|orders|purchases)"
_WHICH = r"(my|your|all|past|recent|previous|scheduled|pending)"

_NOUNS = re.compile(
    r"\b(auto-?pay|auto(matic)? payments?|recurring payments?|payments?|pay|purchase|order|enroll?ments?"
    rf"|cancell?ation) {_WHAT_IT_IS}\b"
    r"|\b(ways|how|where|when|options) to pay\b"
)
_HARMLESS = re.compile(
    rf"\b(don'?t|do not|never|not|without) {_VERBS}(ing)?( me)?\b"
    rf"|^((view|see|show|find|search|list|download|export|print) )?({_WHICH} )*{_LIST}$"
    rf"|^\W*cancel\W*((and|&) {_LEAVE}\b.*)?$"
    r"|^cancel (the )?(download|export|upload|search|edit(ing)?|changes|sign-?in|log-?in|verification)$"
    r"|\b(remove|delete|clear) (all |this |the )?filters?\b"
    rf"|^(?!.*\b{_ALSO}\b)(yes,? )?(i )?(accept|agree|allow|consent)\b.*\bcookies?\b.*$"
    r"|^(accept|allow) (only )?(the )?(strictly )?(necessary|essential|required|functional)( only)?$"
    rf"|^(?!.*\b{_ALSO}\b)(tout )?(aceptar?|acepto|accepter|akzeptieren|alle)\b.*\bcookies?\b.*$"
)

_DANGEROUS = re.compile(
    r"\b("
    r"pay|pre-?pay|auto-?pay|(automatic|recurring|one-?time|express|quick|guest|new|instant) payments?"
    r"|(make|submit|schedule|send|confirm|complete|process|authori[sz]e|approve|add|edit|change|update"
    r"|set ?up|start|begin|enter|finish|continue to|proceed to|place) .{0,30}\bpayments?"
    r"|payments? now|donate|purchase|buy|check ?out|place (my |your |an |the )?order|order now"
    r"|(un|re|dis)?-?enroll?(s|ed|ing|ment)?|sign (me )?up (for|to)|opt[ -]?(in|out|me)|join now"
    r"|subscribe|unsubscribe|renew"
    r"|cancel|(confirm|request|submit) cancell?ation"
    r"|(delete|remove|deactivate|terminate|disconnect|shut ?off)"
    r"|close (my |your |this |the |an )?(account|service|contract|login|profile)s?"
    r"|(stop|start|transfer|move|end|turn off|turn on|suspend|pause)"
    r"( or (stop|start|transfer|move|end))?,? (my |your |the |electric(ity)? |gas |power |water )*service"
    r"|(go|switch to|turn on|start|choose) (e-?bill|paperless)"
    r"|(change|switch) (to )?(my |your |a |an |the |another |new )*(rate|plan|tariff|supplier|provider)s?"
    r"|i authori[sz]e|accept|agree|i (hereby )?(consent|acknowledge|certify)"
    # Spanish, French, German
    r"|pagar|pague|paga ahora|(realizar|hacer|efectuar|programar) (un |mi |el )?pago|inscribir(se|me)?"
    r"|cancelar (mi |el |la |su |un |una )?(servicio|cuenta|plan|pago|contrato)|eliminar|dar de baja"
    r"|aceptar?|acepto"
    r"|payer|(effectuer|faire) (un |mon |le )?paiement|résilier|supprimer|s'inscrire|j'accepte|accepter"
    r"|bezahlen|zahlen|kündigen|löschen|zustimmen|akzeptieren|kostenpflichtig\w*"
    r")(?!\w)"
)


def is_dangerous(name: str) -> bool:
    """Whether a control with this name could spend the customer's money or change what they agreed to."""
    text = " ".join(
        unicodedata.normalize("NFKC", name).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").casefold().split()
    )
    verbs = _HARMLESS.sub(" ", _NOUNS.sub("payments", text))
    return _DANGEROUS.search(verbs) is not None
