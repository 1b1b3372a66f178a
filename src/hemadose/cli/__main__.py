"""`python -m hemadose.cli`."""

from hemadose.cli import main

if __name__ == "__main__":
    main()
