"""Callbacks of trainers check the first batch, and training is bit for bit what it is without them."""

from __future__ import annotations

import logging
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch import callbacks

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
# Trainers warn of few workers and missing accelerators.
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

INPUTS, CLASSES, EXAMPLES, BATCH = 12, 3, 48, 8


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def deep(layers: int) -> Any:
    parts = [part for _ in range(layers) for part in (nn.Linear(INPUTS, INPUTS), nn.ReLU())]
    return nn.Sequential(*parts, nn.BatchNorm1d(INPUTS), nn.Dropout(0.2), nn.Linear(INPUTS, CLASSES))


def seeded(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


def generators() -> list[Any]:
    return [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()]  # noqa: NPY002


# --- Lightning


def lightning_module(layers: int, **changes: Any) -> Any:
    lightning: Any = pytest.importorskip("lightning.pytorch")
    torchmetrics: Any = pytest.importorskip("torchmetrics")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.body = deep(layers)
            self.accuracy = torchmetrics.Accuracy("multiclass", num_classes=CLASSES)
            self.seen: list[float] = []
            self.steps = 0

        def forward(self, x: Any) -> Any:
            return self.body(x)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            x, y = batch
            outputs = self(x)
            loss = nn.functional.cross_entropy(outputs, y)
            self.accuracy(outputs, y)
            self.seen.append(loss.item())
            self.steps += 1
            self.log("loss", loss)
            self.log_dict({"accuracy": self.accuracy}, on_epoch=True)
            return {"loss": loss, "number": batch_idx}

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    return type("Module", (Module,), changes)()


def lightning_fit(
    layers: int, callbacks: list[Any], seed: int = 0, precision: str = "32-true", **changes: Any
) -> tuple[Any, Any]:
    lightning: Any = pytest.importorskip("lightning.pytorch")
    seeded(seed)
    data = torch.utils.data.TensorDataset(torch.randn(EXAMPLES, INPUTS), torch.randint(0, CLASSES, (EXAMPLES,)))
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    module = lightning_module(layers, **changes)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        precision=precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
    )
    trainer.fit(module, loader)
    return trainer, module


def test_lightning_trains_the_same_with_the_check() -> None:
    callback = callbacks.LightningCheck()
    trainer, module = lightning_fit(2, [callback])
    state = generators()
    bare_trainer, bare = lightning_fit(2, [])
    assert callback.checked is not None
    assert state == generators()
    assert (module.seen, module.steps) == (bare.seen, bare.steps)
    assert len(bare.seen) == 2 * EXAMPLES // BATCH
    for (name, mine), (other, theirs) in zip(module.state_dict().items(), bare.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(mine, theirs), name
    ours, others = (one.optimizers[0].state_dict()["state"] for one in (trainer, bare_trainer))
    assert all(torch.equal(ours[i][key], others[i][key]) for i in others for key in others[i])
    assert trainer.callback_metrics == bare_trainer.callback_metrics
    assert set(bare_trainer.callback_metrics) == {"loss", "accuracy", "accuracy_epoch", "accuracy_step"}
    assert "log" not in module.__dict__


def test_lightning_measures_in_the_precision_of_the_trainer() -> None:
    kinds: list[Any] = []

    def step(self: Any, batch: Any) -> Any:
        outputs = self(batch[0])
        kinds.append(outputs.dtype)
        return nn.functional.cross_entropy(outputs, batch[1])

    callback = callbacks.LightningCheck()
    _, module = lightning_fit(1, [callback], precision="bf16-mixed", training_step=step)
    assert kinds == [torch.bfloat16] * (1 + 2 * EXAMPLES // BATCH)
    _, bare = lightning_fit(1, [], precision="bf16-mixed", training_step=step)
    assert all(map(torch.equal, module.state_dict().values(), bare.state_dict().values()))


def test_lightning_measures_the_modules_own_loss_on_its_first_batch() -> None:
    callback = callbacks.LightningCheck()
    _, module = lightning_fit(1, [callback])
    state = callback.checked.state
    assert (state.kind, state.training, state.loss_name) == ("Module", True, "training_step")
    assert {layer.name for layer in state.layers} >= {"body.0", "body.2", "body.4"}
    assert [item.name for item in state.parameters][:2] == ["body.0.weight", "body.0.bias"]
    # Dropout draws other numbers in the check, with its own seed.
    assert state.loss == pytest.approx(module.seen[0], rel=0.5)


def test_lightning_without_dropout_measures_the_very_loss() -> None:
    callback = callbacks.LightningCheck()
    _, module = lightning_fit(1, [callback], configure_model=lambda module: module.body[-2].__init__(0.0))
    assert callback.checked.state.loss == pytest.approx(module.seen[0], rel=1e-6)


def test_lightning_warns_of_a_start_that_is_not_healthy(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "firstdraw.torch"):
        lightning_fit(12, [callbacks.LightningCheck(inputs=lambda batch: batch[0])])
    records = [record for record in caplog.records if record.name == "firstdraw.torch"]
    table, complaint = (record.getMessage() for record in records)
    assert table.startswith("Module: ")
    assert complaint.startswith("Module does not start well: ")
    assert "wrong law for the activation at `body.2`" in complaint
    assert [record.levelname for record in records] == ["INFO", "WARNING"]


def test_lightning_stops_before_the_first_step_if_it_is_asked_to() -> None:
    with pytest.raises(FirstdrawError) as caught:
        lightning_fit(12, [callbacks.LightningCheck(inputs=lambda batch: batch[0], on_broken="raise")])
    said = str(caught.value)
    assert said.startswith("training is not begun, for the start of Module has 1 warning")
    assert ", first of all wrong law for the activation: " in said
    assert "\n" not in said


def test_a_cause_that_is_allowed_stops_nothing() -> None:
    causes = ("wrong law for the activation", "dead units", "vanishing gradient", "collapse to one correlation")
    callback = callbacks.LightningCheck(inputs=lambda batch: batch[0], on_broken="raise", allow=causes)
    lightning_fit(12, [callback])
    assert not callback.checked.healthy


def test_lightning_calls_what_inputs_makes_of_a_batch() -> None:
    def loss(outputs: Any) -> Any:
        return outputs.square().mean()

    for inputs in (lambda batch: batch[0], lambda batch: (batch[0],), lambda batch: {"x": batch[0]}):
        callback = callbacks.LightningCheck(inputs=inputs, loss=loss)
        lightning_fit(1, [callback])
        assert callback.checked.state.loss_name == "loss"


def by_hand(self: Any, batch: Any) -> None:
    optimizer = self.optimizers()
    optimizer.zero_grad()
    self.manual_backward(nn.functional.cross_entropy(self(batch[0]), batch[1]))
    optimizer.step()


def test_a_module_that_optimizes_by_itself_must_say_what_it_is_called_with() -> None:
    changes = {"automatic_optimization": False, "training_step": by_hand}
    with pytest.raises(InputError) as caught:
        lightning_fit(1, [callbacks.LightningCheck()], **changes)
    assert str(caught.value) == "`inputs` must say what a module that optimizes by itself is called with"
    callback = callbacks.LightningCheck(inputs=lambda batch: batch[0])
    _, module = lightning_fit(1, [callback], **changes)
    _, bare = lightning_fit(1, [], **changes)
    assert callback.checked is not None
    assert all(map(torch.equal, module.state_dict().values(), bare.state_dict().values()))


def test_a_step_may_take_the_batch_alone_and_return_the_loss_itself() -> None:
    def step(self: Any, batch: Any) -> Any:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    callback = callbacks.LightningCheck()
    lightning_fit(1, [callback], training_step=step)
    assert callback.checked.state.loss > 0


def test_what_inputs_returns_must_be_arguments() -> None:
    with pytest.raises(InputError) as caught:
        lightning_fit(1, [callbacks.LightningCheck(inputs=lambda _: 3)])
    assert str(caught.value) == (
        "`inputs` must return a tensor, a tuple or list of arguments, or a mapping of them by name, got 'int'"
    )
    with pytest.raises(InputError) as caught:
        lightning_fit(1, [callbacks.LightningCheck(inputs=lambda batch: {"seed": batch[0]})])
    assert str(caught.value) == (
        "`seed` must be passed to the model by its place, for `check` has an argument of that name"
    )


def test_training_that_goes_on_from_a_checkpoint_is_not_checked(tmp_path: Path) -> None:
    lightning: Any = pytest.importorskip("lightning.pytorch")
    trainer, _ = lightning_fit(1, [])
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    callback = callbacks.LightningCheck()
    data = torch.utils.data.TensorDataset(torch.randn(EXAMPLES, INPUTS), torch.randint(0, CLASSES, (EXAMPLES,)))
    again = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[callback],
    )
    again.fit(lightning_module(1), torch.utils.data.DataLoader(data, batch_size=BATCH), ckpt_path=tmp_path / "two.ckpt")
    assert again.global_step == 3 * EXAMPLES // BATCH
    assert callback.checked is None


def test_the_callback_is_that_of_the_package_that_is_in_use() -> None:
    lightning: Any = pytest.importorskip("lightning.pytorch")
    assert issubclass(callbacks.LightningCheck, lightning.Callback)
    assert callbacks.LightningCheck is callbacks.LightningCheck


# --- Hugging Face


def hugging_face_model(scale: float) -> Any:
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_layer=2, n_embd=32, n_head=2, vocab_size=50, n_positions=16, bos_token_id=None, eos_token_id=None
    )
    model = transformers.GPT2LMHeadModel(config)
    for name, parameter in model.named_parameters():
        if name.endswith("c_fc.weight"):
            parameter.data.mul_(scale)
    return model


def hugging_face_train(folder: Path, callbacks: list[Any], scale: float = 1.0, **changes: Any) -> tuple[Any, Any]:
    transformers: Any = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    seeded(0)
    model = hugging_face_model(scale)
    data = [{"input_ids": row, "labels": row} for row in torch.randint(0, 50, (24, 16))]
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=4,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=True,
        seed=3,
        **changes,
    )
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=data, eval_dataset=data[:4], callbacks=callbacks
    )
    trainer.train()
    return trainer, model


def test_hugging_face_trains_the_same_with_the_check(tmp_path: Path) -> None:
    callback = callbacks.HuggingFaceCheck()
    trainer, model = hugging_face_train(tmp_path, [callback])
    state = generators()
    bare_trainer, bare = hugging_face_train(tmp_path, [])
    assert callback.checked is not None
    assert state == generators()
    losses, others = ([one.get("loss") for one in made.state.log_history] for made in (trainer, bare_trainer))
    assert losses == others
    assert len([loss for loss in losses if loss is not None]) == 12
    for (name, mine), (other, theirs) in zip(model.state_dict().items(), bare.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(mine, theirs), name
    assert not model._forward_pre_hooks


def test_hugging_face_measures_the_models_own_loss(tmp_path: Path) -> None:
    callback = callbacks.HuggingFaceCheck()
    trainer, _ = hugging_face_train(tmp_path, [callback])
    state = callback.checked.state
    assert (state.kind, state.training, state.loss_name) == ("GPT2LMHeadModel", True, "own_loss")
    # Dropout draws other numbers in the check, with its own seed.
    assert state.loss == pytest.approx(trainer.state.log_history[0]["loss"], rel=0.02)
    assert callback.checked.healthy


def test_hugging_face_evaluates_first_without_a_check(tmp_path: Path) -> None:
    callback = callbacks.HuggingFaceCheck()
    hugging_face_train(tmp_path, [callback], eval_strategy="epoch", eval_on_start=True)
    assert callback.checked.state.training


def test_hugging_face_warns_or_stops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "firstdraw.torch"):
        hugging_face_train(tmp_path, [callbacks.HuggingFaceCheck()], scale=0.0)
    records = [record for record in caplog.records if record.name == "firstdraw.torch"]
    assert [record.levelname for record in records] == ["INFO", "WARNING"]
    assert records[1].getMessage().startswith("GPT2LMHeadModel does not start well: ")
    with pytest.raises(FirstdrawError) as caught:
        hugging_face_train(tmp_path, [callbacks.HuggingFaceCheck(on_broken="raise")], scale=0.0)
    assert str(caught.value).startswith("training is not begun, for the start of GPT2LMHeadModel has ")


def test_hugging_face_compiles_the_model_after_the_check(tmp_path: Path) -> None:
    callback = callbacks.HuggingFaceCheck()
    compiling = {"torch_compile": True, "torch_compile_backend": "eager"}
    _, model = hugging_face_train(tmp_path, [callback], **compiling)
    _, bare = hugging_face_train(tmp_path, [], **compiling)
    assert callback.checked is not None
    assert all(map(torch.equal, model.state_dict().values(), bare.state_dict().values()))


def test_hugging_face_takes_a_loss(tmp_path: Path) -> None:
    def loss(outputs: Any) -> Any:
        return outputs.logits.square().mean()

    callback = callbacks.HuggingFaceCheck(loss=loss)
    hugging_face_train(tmp_path, [callback])
    assert callback.checked.state.loss_name == "loss"


# --- both


@pytest.mark.parametrize("name", callbacks.__all__)
def test_what_is_unknown_is_said_when_the_callback_is_made(name: str) -> None:
    pytest.importorskip("lightning.pytorch" if name == "LightningCheck" else "transformers")
    made = getattr(callbacks, name)
    with pytest.raises(InputError) as caught:
        made(on_broken="stop")
    assert str(caught.value) == "`on_broken` must be 'warn' or 'raise', got 'stop'"
    with pytest.raises(InputError) as caught:
        made(severity="bad")
    assert str(caught.value) == "`severity` must be 'note', 'warning' or 'broken', got 'bad'"
    with pytest.raises(InputError, match="did you mean 'dead units'"):
        made(allow=("dead unit",))


@pytest.mark.parametrize("name", callbacks.__all__)
def test_callbacks_can_be_pickled(name: str) -> None:
    pytest.importorskip("lightning.pytorch" if name == "LightningCheck" else "transformers")
    callback = getattr(callbacks, name)(on_broken="raise")
    assert type(pickle.loads(pickle.dumps(callback))) is type(callback)  # noqa: S301


@pytest.mark.parametrize(
    ("name", "packages", "sentence"),
    [
        (
            "LightningCheck",
            ("lightning", "lightning.pytorch", "pytorch_lightning"),
            "`LightningCheck` needs Lightning, which is not installed: `pip install lightning`",
        ),
        (
            "HuggingFaceCheck",
            ("transformers",),
            "`HuggingFaceCheck` needs `transformers`, which is not installed: `pip install transformers`",
        ),
    ],
)
def test_what_is_missing_is_said(
    name: str, packages: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FirstdrawError) as caught:
        getattr(callbacks, name)
    assert str(caught.value) == sentence


def test_no_name_is_unknown() -> None:
    assert dir(callbacks) == callbacks.__all__
    with pytest.raises(AttributeError, match=r"module 'firstdraw\.torch\.callbacks' has no attribute 'KerasCheck'"):
        _ = callbacks.KerasCheck
