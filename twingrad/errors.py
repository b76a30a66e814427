"""The two ways in which a command ends early."""


class UserError(Exception):
    """Bad input or usage. One line: what was given, what was expected, what to do. Exit 2."""


class DivergedError(Exception):
    """The cost of a training became NaN or infinite.

    Arguments:
        update: the update, counted from 1, whose minibatch gave that cost.
        learning_rate: the learning rate of the update before it, which moved the parameters there
            (of the same update if it is the first).
        cost: the cost itself, NaN or infinite.
        costs: of the minibatches before it, from the start of its epoch.
    """

    def __init__(
        self, update: int, learning_rate: float, cost: float, costs: tuple[float, ...] = ()
    ) -> None:
        super().__init__(
            f"the cost became {cost} at update {update} (learning rate {learning_rate:.6g})"
        )
        self.update = update
        self.learning_rate = learning_rate
        self.cost = cost
        self.costs = costs
