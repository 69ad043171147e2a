"""Names the packages of the wheel: every room and every folder in it, below ``meterfarm``."""

from setuptools import find_namespace_packages, find_packages, setup

ROOMS = [room for room in find_packages() if "." not in room and room != "tests"]
FOLDERS = find_namespace_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])

setup(packages=["meterfarm", *(f"meterfarm.{folder}" for folder in FOLDERS)])
