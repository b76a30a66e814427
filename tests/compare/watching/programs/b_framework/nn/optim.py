class TriangularLR:
    def __init__(self, low, high, half_period):
        self.low, self.high, self.half = low, high, half_period

    def __call__(self, t):
        x = (t % (2 * self.half)) / self.half
        return self.low + (self.high - self.low) * (1 - abs(x - 1))


class SGD:
    """value -= lr * (grad + weight_decay * value), the decay only on weights"""

    def __init__(self, parameters, schedule, weight_decay=0.0):
        self.parameters = parameters
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.t = 0

    def zero_grad(self):
        for p in self.parameters:
            p.zero_grad()

    def step(self):
        lr = self.schedule(self.t)
        for p in self.parameters:
            if p.decay:
                p.grad += self.weight_decay * p.data
            p.grad *= lr
            p.data -= p.grad
        self.t += 1
