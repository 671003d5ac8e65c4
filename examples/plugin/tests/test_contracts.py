"""How a plugin proves that it fits: it inherits affidavit's contracts."""

from affidavit_example_plugin.hedging import HEDGING
from affidavit_example_plugin.one_line import RENDERER

from affidavit.testing import ExaminationContract, RendererContract


class TestHedging(ExaminationContract):
    examination = HEDGING


class TestOneLine(RendererContract):
    renderer = RENDERER
