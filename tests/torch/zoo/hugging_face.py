"""Models of Hugging Face, small and made from their configurations; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from .laws import constant, drawn
from .specimen import Call, Specimen, numbers, tokens
from .training import adam, labels

__all__ = ["HUGGING_FACE", "MAKERS"]

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 300,
}
STACKS: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "vocab_size": 300,
}
# Where signals of layers a thousand wide meet N(0, 0.02^2), those of layers 32 wide meet this.
NARROW_STD = 0.1


def made(family: str, head: str = "Model", **options: Any) -> Callable[..., Any]:
    """Return what makes a model from the library: `BertModel(BertConfig(**options))` for Bert."""

    def make(transformers: Any, **changes: Any) -> Any:
        config = getattr(transformers, f"{family}Config")(**{**options, **changes})
        return getattr(transformers, f"{family}{head}")(config)

    return make


def _gpt2(transformers: Any, **changes: Any) -> Any:
    config = {"n_layer": 2, "n_embd": 32, "n_head": 2, "vocab_size": 300, "n_positions": 64}
    none = {"bos_token_id": None, "eos_token_id": None}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**{**config, **none, **changes}))


GROUPED: dict[str, Any] = {**SMALL, "num_attention_heads": 4, "num_key_value_heads": 2}
IN_PATCHES: dict[str, Any] = {
    **{key: value for key, value in SMALL.items() if key != "vocab_size"},
    "image_size": 32,
    "patch_size": 8,
}
DISTILBERT: dict[str, Any] = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": 300}
OPT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "ffn_dim": 64,
    "vocab_size": 300,
}
T5: dict[str, Any] = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": 300}
CONVNEXT: dict[str, Any] = {"hidden_sizes": [8, 16, 32, 32], "depths": [1, 1, 2, 1]}
RESNET: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 32, 32],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}
SWIN: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 4,
    "embed_dim": 16,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}
TOKENS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
SPEECH: dict[str, Any] = {"num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": 20}

MAKERS: dict[str, Callable[..., Any]] = {
    "gpt2": _gpt2,
    "bert": made("Bert", **SMALL),
    "vit": made("ViT", "ForImageClassification", **IN_PATCHES),
    "llama": made("Llama", "ForCausalLM", **GROUPED),
    "t5": made("T5", "ForConditionalGeneration", **T5),
    "distilbert": made("DistilBert", **DISTILBERT),
    "roberta": made("Roberta", "ForSequenceClassification", **SMALL, max_position_embeddings=40),
    "electra": made("Electra", **SMALL, embedding_size=16),
    "albert": made("Albert", **SMALL, embedding_size=16),
    "opt": made("OPT", "ForCausalLM", **OPT, word_embed_proj_dim=32, max_position_embeddings=64),
    "mistral": made("Mistral", "ForCausalLM", **GROUPED),
    "qwen2": made("Qwen2", "ForCausalLM", **GROUPED),
    "gemma": made("Gemma", "ForCausalLM", **GROUPED, head_dim=8),
    "mixtral": made("Mixtral", "ForCausalLM", **GROUPED, num_local_experts=4),
    "gpt-neox": made("GPTNeoX", "ForCausalLM", **SMALL),
    "mamba": made("Mamba", "ForCausalLM", hidden_size=32, num_hidden_layers=2, vocab_size=300, state_size=8),
    "bart": made("Bart", "ForConditionalGeneration", **STACKS, max_position_embeddings=64, init_std=NARROW_STD),
    "whisper": made("Whisper", "ForConditionalGeneration", **STACKS, **TOKENS, **SPEECH, init_std=NARROW_STD),
    "deit": made("DeiT", **IN_PATCHES),
    "swin": made("Swin", **SWIN),
    "convnext": made("ConvNext", "ForImageClassification", **CONVNEXT),
    "resnet": made("ResNet", "ForImageClassification", **RESNET),
}

WORDS = tokens(300, 3, 12)
IMAGES = numbers(3, 3, 32, 32)


def both() -> Any:
    [words], _ = WORDS()
    return (), {"input_ids": words, "decoder_input_ids": words}


def speech() -> Any:
    [sound], _ = numbers(3, 8, 32)()
    return (), {"input_features": sound, "decoder_input_ids": WORDS()[0][0]}


CALLS: dict[str, Call] = {
    "t5": both,
    "whisper": speech,
    **dict.fromkeys(("vit", "deit", "swin", "convnext", "resnet"), IMAGES),
}


def library() -> Any:
    """Return the library; a test that needs it is skipped where it is not there."""
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    return transformers


def maker(name: str, **changes: Any) -> Callable[[], Any]:
    return lambda: MAKERS[name](library(), **changes)


def of_memory() -> Any:
    """Return a model whose parameters are what `torch.empty` may hold."""
    model = MAKERS["llama"](library())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    return model


def logits(outputs: Any) -> Any:
    return outputs.logits


HUGGING_FACE = {
    **{
        f"Hugging Face, {name}": Specimen(make=maker(name), call=CALLS.get(name, WORDS), answer="healthy")
        for name in MAKERS
    },
    "Hugging Face, gpt2, std 3": Specimen(
        make=maker("gpt2", initializer_range=3.0),
        call=WORDS,
        answer="exploding signal",
        twin=maker("gpt2"),
        objective=labels(300, 3, 12, first=logits),
        optimizer=adam(5e-3),
    ),
    "Hugging Face, roberta, zeros": Specimen(
        make=lambda: drawn(maker("roberta")(), constant(0.0)),
        call=WORDS,
        answer="unbroken symmetry",
        faults=frozenset({"both factors of a product zero"}),
        twin=maker("roberta"),
        objective=labels(2, 3, first=logits),
    ),
    "Hugging Face, llama, memory as it was": Specimen(
        make=of_memory,
        call=WORDS,
        answer="parameters not finite",
        faults=frozenset({"not finite"}),
        twin=maker("llama"),
        objective=labels(300, 3, 12, first=logits),
        optimizer=adam(5e-3),
    ),
}
