"""Names the packages of the wheel: every room and its folders, below ``meterfarm``; no tests, no samples."""

from setuptools import find_namespace_packages, find_packages, setup
from setuptools.command.build_py import build_py

ROOMS = [room for room in find_packages() if "." not in room and room != "tests"]
FOLDERS = find_namespace_packages(
    include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")],
    exclude=["*.samples", "*.samples.*"],
)


class WithoutSetup(build_py):
    """This file lies beside the package's own modules, and is none of them."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Each as its package, its name and its file."""
        found = super().find_package_modules(package, package_dir)
        return [each for each in found if each[:2] != ("meterfarm", "setup")]


setup(
    packages=["meterfarm", *(f"meterfarm.{folder}" for folder in FOLDERS)],
    cmdclass={"build_py": WithoutSetup},
)
