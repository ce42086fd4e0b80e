"""`dse` and `python -m dse`: the command line, whose imports an interrupt may end at any moment."""

from dse import interrupts


def main() -> None:
    """Run the command line; the process's exit status is that of the contract."""
    try:
        interrupts.end_the_process()
        from dse import cli

        cli.main()
    except KeyboardInterrupt:
        # Before the first line, or a second one while the first was answered.
        interrupts.leave()


if __name__ == "__main__":
    main()
