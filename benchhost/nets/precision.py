"""Whether this CPU multiplies bfloat16 natively."""

import torch


def fast_bfloat16() -> bool:
    """True with AVX512-BF16 or AMX; elsewhere PyTorch emulates bfloat16, which is slower than float32."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private names: absent means "do not know"
    return any(probe() for name in probes if (probe := getattr(torch.cpu, name, None)))
