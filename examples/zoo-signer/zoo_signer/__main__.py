"""``python -m zoo_signer``."""

from zoo_signer.command import main

main()
