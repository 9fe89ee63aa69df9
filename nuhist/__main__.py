"""``python -m nuhist``."""

from nuhist.cli.main import main

if __name__ == "__main__":
    main()
