"""StageShare: how much of a stage is done, for schedules that end where its time does."""


class StageShare:
    """Each batch is one of those there still is time for, and moves the share by its part of what is left.

    As long as as many batches follow as were thought the share grows evenly; when there is time for fewer, faster.

    Attributes:
        done: 0 to 1.
        to_come: batches after the running one, by what is known now.
    """

    def __init__(self) -> None:
        self.done = self.to_come = 0.0

    def count(self, to_come: float) -> None:
        """Take note that a batch is done and that so many follow."""
        self.to_come = max(to_come, 0.0)
        self.done += (1 - self.done) / (self.to_come + 1)
