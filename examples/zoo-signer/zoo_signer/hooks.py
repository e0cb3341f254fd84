"""What happens by itself: an export is signed, a verification asks for the signature."""

from pathlib import Path

import zoo


@zoo.hookimpl
def zoo_after_export(path):
    """Sign what was just proven and published."""
    from zoo_signer.signatures import sign

    sign(path)


@zoo.hookimpl
def zoo_after_verify(report):
    """Refuse an artifact that nobody signed whom you trust, whatever its files say."""
    from zoo_signer.signatures import verify

    verify(Path(report["path"]))
