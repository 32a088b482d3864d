"""LPIPS for benchhost: Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018, version 0.1."""
