"""Names of new chemical elements, one letter at a time, from a recurrent network whose inputs are filled element by element.

Each name is a (length, 1, letters) tensor of zeros with a one written for each letter: ``x[i][0][j] = 1`` changes x, because
x[i] and x[i][0] are views of it. The cell is two linear layers, the update ``p.data.add_``. Only the import lines differ
from a program for PyTorch; they were: import torch; import torch.nn as nn.
"""

import math

import minigrad as torch
import minigrad.nn as nn

ELEMENTS = """
hydrogen helium lithium beryllium boron carbon nitrogen oxygen fluorine neon sodium magnesium aluminium silicon
phosphorus sulfur chlorine argon potassium calcium scandium titanium vanadium chromium manganese iron cobalt nickel copper
zinc gallium germanium arsenic selenium bromine krypton rubidium strontium yttrium zirconium niobium molybdenum technetium
ruthenium rhodium palladium silver cadmium indium tin antimony tellurium iodine xenon caesium barium lanthanum cerium
praseodymium neodymium promethium samarium europium gadolinium terbium dysprosium holmium erbium thulium ytterbium lutetium
hafnium tantalum tungsten rhenium osmium iridium platinum gold mercury thallium lead bismuth polonium astatine radon
francium radium actinium thorium protactinium uranium neptunium plutonium americium curium berkelium californium einsteinium
fermium mendelevium nobelium lawrencium rutherfordium dubnium seaborgium bohrium hassium meitnerium darmstadtium roentgenium
copernicium nihonium flerovium moscovium livermorium tennessine oganesson
"""
NAMES = ELEMENTS.split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = len(LETTERS)  # the class of the end of a name


def one_hot(name):
    """A name as (len(name), 1, 26): a one for each letter."""
    x = torch.zeros(len(name), 1, len(LETTERS))
    for i in range(len(name)):
        x[i][0][LETTERS.index(name[i])] = 1
    return x


def following(name):
    """The class of what comes after each letter: the next letter, or the end."""
    return torch.LongTensor([LETTERS.index(c) for c in name[1:]] + [END])


class RNN(nn.Module):
    def __init__(self, hidden_size=64):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(len(LETTERS) + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, END + 1)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(torch.cat((input, hidden), 1)))
        return self.softmax(self.h2o(hidden)), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


def train(rnn, criterion, name, lr):
    x, target = one_hot(name), following(name).unsqueeze(-1)
    hidden = rnn.init_hidden()
    rnn.zero_grad()
    loss = torch.zeros(())
    for i in range(x.size(0)):
        output, hidden = rnn(x[i], hidden)
        loss += criterion(output, target[i])
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-lr)
    return loss.item() / x.size(0)


@torch.no_grad()
def sample(rnn, start, temperature=0.6, longest=14):
    """A name that begins with these letters."""
    name, hidden = start, rnn.init_hidden()
    for x in one_hot(start)[:-1]:
        _, hidden = rnn(x, hidden)
    while len(name) < longest:
        output, hidden = rnn(one_hot(name[-1])[0], hidden)
        letter = torch.multinomial((output[0] / temperature).exp(), 1)[0].item()
        if letter == END:
            break
        name += LETTERS[letter]
    return name


def main(steps=1500, seed=0):
    torch.manual_seed(seed)
    rnn, criterion = RNN(), nn.NLLLoss()
    order = torch.randint(len(NAMES), (steps,)).tolist()
    losses = [train(rnn, criterion, NAMES[k], lr=0.02) for k in order]
    print(f"loss per letter; a guess among {END + 1} classes has {math.log(END + 1):.3f}")
    for first in range(0, steps, 150):
        last = min(first + 150, steps)
        print(f"steps {first:4} to {last:4}: {sum(losses[first:last]) / (last - first):.3f}")
    names = [sample(rnn, start) for start in LETTERS[:20]]
    print("new elements:", *[name for name in names if name not in NAMES])
    return losses, names


if __name__ == "__main__":
    main()
