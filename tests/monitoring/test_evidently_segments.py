"""Why cohort figures do not come from Evidently: found in 0.7.23. When one of these fails, it has been mended there."""

import pandas as pd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore")  # its own, as it is imported and as it runs


def report(metric, rows: pd.DataFrame) -> list[dict]:
    from evidently import BinaryClassification, DataDefinition, Dataset, Report

    definition = DataDefinition(
        classification=[BinaryClassification(target="y", prediction_labels="said", pos_label=1)],
        categorical_columns=["y", "said", "region"],
    )
    data = Dataset.from_pandas(rows, data_definition=definition)
    return Report([metric]).run(data, None).dict()["metrics"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """All 40 positives of the north are found, none of the 40 of the south."""
    region = ["north"] * 100 + ["south"] * 100
    y = ([1] * 40 + [0] * 60) * 2
    return pd.DataFrame({"region": region, "y": y, "said": [1] * 40 + [0] * 160})


def test_its_group_by_gives_every_segment_the_recall_of_all_rows(rows):
    from evidently.metrics import Recall
    from evidently.metrics.group_by import GroupBy

    told = report(GroupBy(Recall(), "region"), rows)
    assert {one["value"] for one in told} == {0.5}
    assert len(told) == 2


@pytest.mark.parametrize(("flagged", "recall"), [(3, 0.0), (0, 1.0)])
def test_a_window_without_a_positive_has_a_recall_all_the_same(rows, flagged, recall):
    from evidently.metrics import Recall

    negatives = rows[rows["y"] == 0].copy()
    negatives.iloc[:flagged, negatives.columns.get_loc("said")] = 1
    (told,) = report(Recall(), negatives)
    assert told["value"] == recall
