"""Logistic regression of digits by L-BFGS, written for PyTorch: only the import lines differ.

With a penalty on the weights the loss is strictly convex: it has one minimum, and L-BFGS converges to it (Nocedal and
Wright, Numerical Optimization, chapter 7). The optimizer calls the closure as often as its line search needs; gradient
descent, at the best of four rates, gets as many calls. The lines were: import torch; import torch.nn.functional as F.
"""

import minigrad as torch
import minigrad.nn.functional as F
from minigrad.data import load_digits  # arrays of 8x8 images: the digits of this package in PyTorch, too


class Problem:
    """The mean cross entropy of digits, and a penalty, as a function of a 64x10 matrix and 10 biases."""

    def __init__(self, penalty=1e-4):
        (x, t), (x_test, t_test) = load_digits()
        self.penalty = penalty
        self.x, self.t = torch.from_numpy(x).double(), torch.from_numpy(t)
        self.x_test, self.t_test = torch.from_numpy(x_test).double(), torch.from_numpy(t_test)
        self.weight = torch.zeros(64, 10, dtype=torch.float64, requires_grad=True)
        self.bias = torch.zeros(10, dtype=torch.float64, requires_grad=True)
        self.parameters = [self.weight, self.bias]
        self.history = []

    def loss(self):
        scores = torch.addmm(self.bias, self.x, self.weight)
        return F.cross_entropy(scores, self.t) + self.penalty * (self.weight.pow(2).sum() + self.bias.pow(2).sum())

    def minimize(self, optimizer, evaluations):
        """Step until the loss has been evaluated this often, or a step of L-BFGS finds nothing left to do."""

        def closure():
            optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            self.history.append(loss.item())
            return loss

        while len(self.history) < evaluations:
            before = len(self.history)
            optimizer.step(closure)
            if len(self.history) == before + 1 and isinstance(optimizer, torch.optim.LBFGS):
                break  # it evaluated the loss once, and no gradient is above its tolerance
        return self

    def slope(self):
        """The largest absolute value of the gradient."""
        return max(g.abs().max().item() for g in torch.autograd.grad(self.loss(), self.parameters))

    def accuracy(self):
        with torch.no_grad():
            scores = torch.addmm(self.bias, self.x_test, self.weight)
        return (scores.argmax(1) == self.t_test).double().mean().item()


def lbfgs(evaluations):
    problem = Problem()
    optimizer = torch.optim.LBFGS(problem.parameters, history_size=20, line_search_fn="strong_wolfe")
    return problem.minimize(optimizer, evaluations)


def gradient_descent(evaluations, rates=(0.1, 0.3, 1.0, 3.0)):
    problems = []
    for lr in rates:
        problem = Problem()
        problems.append(problem.minimize(torch.optim.SGD(problem.parameters, lr=lr), evaluations))
    return min(problems, key=lambda problem: problem.history[-1])


def main(evaluations=200):
    problems = {"L-BFGS": lbfgs(evaluations)}
    problems["gradient descent"] = gradient_descent(len(problems["L-BFGS"].history))
    for name, problem in problems.items():
        print(f"{name}, {len(problem.history)} evaluations: loss {problem.history[0]:.4f} -> {problem.history[-1]:.8f},")
        print(f"    largest slope {problem.slope():.1e}, accuracy on new digits {problem.accuracy():.3f}")
    return problems


if __name__ == "__main__":
    main()
