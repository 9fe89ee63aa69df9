"""``python -m nuhist``, and what ``nuhist`` runs."""

from __future__ import annotations

import sys

from nuhist.interrupts import is_interrupt


def main() -> None:
    """Run the command line; Ctrl-C is quiet while Python imports it, too."""
    try:
        from nuhist.cli.main import main as run
        from nuhist.cli.start import QuickStart
    except BaseException as error:
        if not is_interrupt(error):
            raise
        if sys.stderr is not None:
            sys.stderr.write("Aborted!\n")
        raise SystemExit(1) from None
    sys.meta_path.insert(0, QuickStart())
    run()


if __name__ == "__main__":
    main()
