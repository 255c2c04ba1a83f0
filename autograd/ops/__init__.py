"""The differentiable operations, a family a file; ``public`` lists what ``autograd`` offers of them."""
