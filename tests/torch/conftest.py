"""What the tests of PyTorch models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# A program that the tests of shards start, not a test; it needs PyTorch to be read.
collect_ignore = ["one_process.py"]


def _gpt2(transformers: Any) -> Any:
    config = transformers.GPT2Config(
        n_layer=2, n_embd=32, n_head=2, vocab_size=300, n_positions=64, bos_token_id=None, eos_token_id=None
    )
    return transformers.GPT2LMHeadModel(config)


def _bert(transformers: Any) -> Any:
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=300
    )
    return transformers.BertModel(config)


def _vit(transformers: Any) -> Any:
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8
    )
    return transformers.ViTForImageClassification(config)


def _llama(transformers: Any) -> Any:
    config = transformers.LlamaConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        vocab_size=300,
    )
    return transformers.LlamaForCausalLM(config)


def _t5(transformers: Any) -> Any:
    config = transformers.T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, vocab_size=300)
    return transformers.T5ForConditionalGeneration(config)


MAKERS: dict[str, Callable[[Any], Any]] = {"gpt2": _gpt2, "bert": _bert, "vit": _vit, "llama": _llama, "t5": _t5}


@pytest.fixture(scope="session")
def make_hugging_face() -> Callable[[str], Any]:
    """Make a small model of a family from its configuration; nothing is downloaded."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    return lambda name: MAKERS[name](transformers)
