"""The same network as a torch module, called as `model.MLP` is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from bench.mlp.model import Settings, initial, layers

Array = Any


class TorchMLP:
    """torch's own layers, autograd and optimizers (fused); with `compiled`, forward and loss through torch.compile."""

    def __init__(self, settings: Settings, *, compiled: bool = False) -> None:
        torch: Any = import_module("torch")
        self.torch, self.settings = torch, settings
        torch.manual_seed(settings.seed)
        self.net = torch.nn.Sequential(*self._modules())
        kind = torch.optim.SGD if settings.optimizer == "sgd" else torch.optim.AdamW
        options: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.l2, "fused": True}
        if settings.optimizer == "sgd":
            options |= {"momentum": 0.9, "weight_decay": 2 * settings.l2}  # torch adds weight_decay * w
        self.optimizer = kind(self.net.parameters(), **options)
        self.criterion = torch.compile(self._loss) if compiled else self._loss
        tensors = (*self.net.parameters(), *self.net.buffers())
        self.state = [t.detach().numpy() for t in tensors if t.dtype == torch.float32]  # shares the memory

    def _modules(self) -> list[Any]:
        nn, s, modules = self.torch.nn, self.settings, []
        for W, shift, gain in layers(initial(s), s.sizes):
            linear = nn.Linear(*W.shape, bias=not len(gain))
            linear.weight.data[:] = self.torch.from_numpy(W.T.copy())
            modules.append(linear)
            if len(gain):
                norm = nn.LayerNorm if s.norm == "layer" else nn.BatchNorm1d
                modules += [norm(len(gain)), nn.ReLU(inplace=True), nn.Dropout(s.dropout)]
            else:
                linear.bias.data[:] = self.torch.from_numpy(shift)
        return modules

    def _loss(self, x: Any, y: Any) -> Any:
        return self.torch.nn.functional.cross_entropy(self.net(x), y)

    def augment(self, x: Any) -> Any:
        """Move each image by up to `padding` pixels, by one gather, and add noise."""
        torch, s, side = self.torch, self.settings, round(x.shape[1] ** 0.5)
        if s.padding:
            padded = torch.nn.functional.pad(x.view(-1, side, side), [s.padding] * 4)
            top, left = torch.randint(0, 2 * s.padding + 1, (2, len(x), 1))
            rows, columns = top + torch.arange(side), left + torch.arange(side)
            x = padded[torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]].view(x.shape)
        return x.add_(torch.randn_like(x), alpha=s.noise) if s.noise else x

    def train_batch(self, x: Array, y: Array) -> float:
        """Take one step; return the loss before it."""
        self.net.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.augment(self.torch.from_numpy(x)), self.torch.from_numpy(y))
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def logits(self, x: Array) -> Array:
        """Return the scores of each class."""
        self.net.eval()
        with self.torch.inference_mode():
            return np.asarray(self.net(self.torch.from_numpy(x)))
