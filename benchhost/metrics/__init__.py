"""The built-in metrics: one family a file, each function called as ``function(view, **options) -> float``.

Values are computed on the CPU in float64 from the stored reconstruction, so they can be computed again without the
method.  The records that name them are in :mod:`benchhost.builtins.metrics`.
"""
