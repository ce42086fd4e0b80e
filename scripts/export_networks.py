"""Export public architectures to the ONNX files of tests/networks/exported: real graphs, without their weights.

    pip install torch torchvision transformers onnx onnxscript
    python scripts/export_networks.py tests/networks/exported [NAME...]

Weights are random and are taken out again: of each large tensor the file keeps its shape, and says that its values lie
in a file beside it that is not there. Both exporters of PyTorch are used, the older one (by traces) and the newer one
(by `torch.export`), whose graphs differ.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
import torch
import torchvision

# Tensors below this many bytes stay: they shape others.
MOST_BYTES = 1024


def vision(name: str, side: int = 224) -> Callable[[], tuple[torch.nn.Module, dict[str, torch.Tensor]]]:
    """A network of torchvision and an image."""
    return lambda: (torchvision.models.get_model(name, weights=None), {"image": torch.zeros(1, 3, side, side)})


def short_vit() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """Two layers of ViT-S/16."""
    network = torchvision.models.VisionTransformer(
        image_size=224, patch_size=16, num_layers=2, num_heads=6, hidden_dim=384, mlp_dim=1536
    )
    return network, {"image": torch.zeros(1, 3, 224, 224)}


def language(name: str) -> Callable[[], tuple[torch.nn.Module, dict[str, torch.Tensor]]]:
    """A network of transformers with few layers, and 16 tokens."""

    def make() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
        import transformers

        configs = {
            "bert": (transformers.BertConfig(num_hidden_layers=2), transformers.BertModel),
            "gpt2": (transformers.GPT2Config(n_layer=2), transformers.GPT2LMHeadModel),
            "llama": (
                transformers.LlamaConfig(
                    num_hidden_layers=2, hidden_size=512, intermediate_size=1376, num_attention_heads=8,
                    num_key_value_heads=2, vocab_size=4000,
                ),
                transformers.LlamaForCausalLM,
            ),
        }  # fmt: skip
        config, kind = configs[name]
        config.use_cache = False
        return kind(config), {"input_ids": torch.zeros(1, 16, dtype=torch.int64)}

    return make


# Name of the file: what makes the network, and whether the newer exporter does it.
EXPORTED = {
    "resnet18": (vision("resnet18"), False),
    "vit_s_16_short": (short_vit, False),
    "bert": (language("bert"), True),
    "gpt2": (language("gpt2"), True),
    "llama": (language("llama"), True),
}


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the values of its large tensors."""
    tensors = [*model.graph.initializer]
    tensors += [a.t for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    for tensor in tensors:
        if tensor.ByteSize() > MOST_BYTES:
            shape, kind, name = list(tensor.dims), tensor.data_type, tensor.name
            tensor.Clear()
            tensor.dims.extend(shape)
            tensor.data_type, tensor.name, tensor.data_location = kind, name, onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights.bin")
    for node in model.graph.node:
        # Where in whose source an operator comes from.
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    # Shapes of results, which whoever reads the file infers.
    del model.graph.value_info[:], model.metadata_props[:], model.graph.metadata_props[:]
    return model


def main(folder: Path, names: list[str]) -> None:
    """Export networks into a folder."""
    # A kernel of its own, which the older exporter does not know.
    torch.backends.mha.set_fastpath_enabled(False)
    for name, (make, new) in ((name, EXPORTED[name]) for name in names or EXPORTED):
        torch.manual_seed(0)
        network, inputs = make()
        for tensor in (*network.parameters(), *network.buffers()):
            # Exporters merge tensors that are equal, and leave out zeros.
            if tensor.is_floating_point():
                tensor.data.uniform_(0.5, 1.5)
        with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
            path = Path(scratch) / "network.onnx"
            torch.onnx.export(
                network.eval(), tuple(inputs.values()), str(path), input_names=list(inputs), dynamo=new,
                do_constant_folding=True, external_data=False, verbose=False,
            )  # fmt: skip
            model = without_weights(onnx.load(path))
        found = folder / f"{name}.onnx"
        found.write_bytes(model.SerializeToString())
        print(f"{found}: {found.stat().st_size:,} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
