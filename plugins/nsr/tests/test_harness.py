"""From a training to a table: train a tiny network by name, run it by its file, compare two seeds image by image."""

import pandas as pd
import pytest
from click.testing import CliRunner

import benchhost
from benchhost import Dataset, hookimpl
from benchhost.cli.compare import compare
from benchhost.plugins import load
from benchhost.training.run import run_training
from benchhost.types import ItemRef
