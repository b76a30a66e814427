"""The two exceptions that end a command early."""


class UserError(Exception):
    """Bad input or usage: one line that says what was given, what was expected and what to do.
    Commands exit with status 2."""


class DivergedError(Exception):
    """The cost of a training became NaN or infinite.

    Arguments:
        update: number of the update, from 1, whose minibatch had this cost.
        learning_rate: of the previous update, which produced these parameters (of the same update
            if it is the first).
        cost: NaN or infinite.
        costs: of the earlier minibatches of the epoch.
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
