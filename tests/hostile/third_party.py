"""Third-party packages, each bad in its own way, as wheels that any installer takes."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.conftest import ROOT
from tests.forked import Forks

ARCHITECTURES, HOOKS = "zoo.architectures", "zoo.hooks"

ARCHITECTURE = '''
import zoo


class Model(zoo.Architecture[zoo.ModelConfig]):
    """A third-party model."""

    info = zoo.ArchitectureInfo(
        name="{name}", summary="A third-party model.", tasks=("classification",)
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        pixels = layers.Flatten()(layers.Rescaling(1 / 16)(image))
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(pixels)
        return compile_classifier(Model(image, answer), config.optimizer)
'''


@dataclass(frozen=True)
class BadPackage:
    """One package, and what the zoo must say of it.

    Attributes:
        id: What is bad about it; its distribution and its model are called by it.
        source: Its module, after which a well-formed architecture follows unless it is whole.
        status: The status that ``zoo doctor`` gives it; empty if it gives none.
        says: What the finding must hold, besides distribution and version.
        fix: What the remedy must hold.
        whole: Whether the source is all there is of the module.
        model: The name that it announces.
        group: What it announces.
        announced: The bytes of entry_points.txt, if not the ordinary ones.
    """

    id: str
    source: str = ""
    status: Literal["fail", "ok", ""] = "fail"
    says: tuple[str, ...] = ()
    fix: str = ""
    whole: bool = False
    model: str = ""
    group: str = ARCHITECTURES
    announced: bytes = b""

    @property
    def name(self) -> str:
        return self.model or f"bad_{self.id}"

    @property
    def distribution(self) -> str:
        return f"zoo-bad-{self.id.replace('_', '-')}"

    @property
    def package(self) -> Package:
        module = f"zoo_bad_{self.id}"
        text = self.source if self.whole else self.source + ARCHITECTURE.format(name=self.name)
        target = module if self.group == HOOKS else f"{module}:Model"
        return Package(
            self.distribution,
            points={self.group: {self.name: target}},
            files={f"{module}/__init__.py": text},
            announced=self.announced,
        )


@dataclass(frozen=True)
class Package:
    """A distribution to be: what goes into its wheel."""

    name: str
    version: str = "1.0"
    points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    announced: bytes = b""

    def wheel(self, folder: Path) -> Path:
        """Write the wheel: files, metadata, and RECORD with the hash of each."""
        stem = f"{self.name.replace('-', '_')}-{self.version}"
        text = ""
        for group, entries in self.points.items():
            text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        info = f"{stem}.dist-info"
        contents = {name: text.encode() for name, text in self.files.items()} | {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {self.name}\n"
            f"Version: {self.version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
            b"Tag: py3-none-any\n",
            f"{info}/entry_points.txt": self.announced or text.encode(),
        }
        record = "".join(
            f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in contents.items()
        )
        contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in contents.items():
                archive.writestr(name, data)
        return target

    def install(self, site: Path) -> Path:
        """Unpack the wheel into a folder, which is what installing a pure wheel comes to."""
        with zipfile.ZipFile(self.wheel(site / "wheels")) as archive:
            archive.extractall(site)
        return site


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


_CHATTER = """
import os, sys
print("hello from a plugin " * 1000)
print("and to you", file=sys.stderr)
sys.stdout.buffer.write(b"bytes of a plugin\\n")
os.write(1, b"behind Python's back\\n")
os.system("echo a child of a plugin")
"""
_PATCHES = """
import json, os, pathlib
json.dumps = pathlib.Path.write_text = None
os.chdir("/")
"""

BAD_PACKAGES = (
    BadPackage(
        "raises",
        "raise RuntimeError('no luck today')",
        says=("RuntimeError: no luck today", "zoo_bad_raises/__init__.py:1"),
    ),
    BadPackage("syntax", "def broken(:", says=("SyntaxError", "zoo_bad_syntax/__init__.py:1")),
    BadPackage("exits", "import sys; sys.exit(0)", says=("SystemExit: 0",)),
    BadPackage("leaves", "import os; os._exit(0)", says=("ended the process", "exit code 0")),
    BadPackage(
        "segfault",
        "import ctypes\nctypes.string_at(0)",
        says=("SIGSEGV", "python -X faulthandler"),
    ),
    BadPackage("abort", "import os\nos.abort()", says=("SIGABRT",)),
    BadPackage("kill", "import os; os.kill(os.getpid(), 9)", says=("SIGKILL",)),
    BadPackage(
        "hangs",
        "import time\nwhile True:\n  try: time.sleep(3600)\n  except BaseException: pass\n",
        says=("was not imported in time",),
    ),
    BadPackage("prints", _CHATTER, "ok"),
    BadPackage("patches", _PATCHES, "ok"),
    BadPackage("closes", "import os\nos.closerange(0, 100)", "ok"),
    BadPackage(
        "children",
        "import subprocess\n"
        "subprocess.Popen(['sleep', '20'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
        "ok",
    ),
    BadPackage("forks", "import os, time\nif os.fork() == 0: time.sleep(60)", "ok"),
    BadPackage(
        "stays",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,)).start()",
        says=("did not let it end",),
    ),
    BadPackage(
        "newer",
        ARCHITECTURE.format(name="bad_newer").replace(
            "tasks=", "api_version=99, color='red', tasks="
        ),
        says=("version 99 of the plugin interface", "upgrade neural-zoo"),
        fix="pip install --upgrade neural-zoo",
        whole=True,
    ),
    BadPackage(
        "later",
        "from zoo import NotThereYet",
        says=("ImportError", "written for another neural-zoo"),
        fix="pip install --upgrade neural-zoo",
    ),
    BadPackage("number", "Model = 7", says=("derived from zoo.Architecture",), whole=True),
    BadPackage("nothing", "", says=("AttributeError",), whole=True),
    BadPackage(
        "unbuilt",
        ARCHITECTURE.format(name="bad_unbuilt").replace("def build", "def construct"),
        says=("does not implement build",),
        whole=True,
    ),
    BadPackage(
        "misnamed",
        ARCHITECTURE.format(name="cnn"),
        says=("the entry point is called 'bad_misnamed' and info.name is 'cnn'",),
        whole=True,
    ),
    BadPackage(
        "needy",
        "import not_there_at_all",
        says=("ModuleNotFoundError: No module named 'not_there_at_all'",),
    ),
    BadPackage(
        "steers",
        "raise ValueError('\\x1b[2J\\x1b]0;yours\\x07 now\\n\\nnever')",
        says=("ValueError: \ufffd[2J\ufffd]0;yours\ufffd now never",),
    ),
    BadPackage("message", "class E(Exception):\n  __str__ = 1\nraise E", says=("cannot be read",)),
    BadPackage("escape", says=("is not a name",), model="../escape"),
    BadPackage("cyrillic", says=("is not a name",), model="\u0441nn"),
    BadPackage("capitals", says=("is not a name",), model="CNN"),
    BadPackage("binary", status="", announced=b"[zoo.architectures]\n\xff\xfe\x00 = \x80"),
    BadPackage("hook_raises", "1 / 0", says=("ZeroDivisionError",), whole=True, group=HOOKS),
    BadPackage(
        "hook_dies",
        "import ctypes\nctypes.string_at(0)",
        says=("SIGSEGV",),
        whole=True,
        group=HOOKS,
    ),
    BadPackage(
        "hook_misfits",
        "import zoo\n@zoo.hookimpl\ndef zoo_before_verify(no_such_argument): pass",
        says=("no_such_argument",),
        whole=True,
        group=HOOKS,
    ),
)


@dataclass(frozen=True)
class Home:
    """Where a user works: an empty folder, a cache of its own, packages on the path."""

    folder: Path
    forks: Forks

    def run(
        self, *words: str, sites: tuple[Path, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the program in a process of its own, with some folders of packages installed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
        path = [str(ROOT), str(ROOT / "plugins"), *map(str, sites)]
        own = {"PYTHONPATH": os.pathsep.join(path), "ZOO_CACHE": str(self.folder / "cache")}
        # What starts programs of its own is one that was started for it alone.
        forks = Forks(None) if words[0] == "doctor" else self.forks
        return forks.run("-m", "zoo", *words, cwd=self.folder, env=kept | own | variables)
