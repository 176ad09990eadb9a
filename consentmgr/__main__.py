"""``python -m consentmgr`` is the command ``consentmgr``."""

from consentmgr.cli import main

if __name__ == "__main__":
    main()
