"""scikit-learn's own suite for estimators, on exact numbers and on the default phase-change crossbar."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from insitu import Memory

ALWAYS = {
    "check_pipeline_consistency": "Pipeline has a parameter 'memory', as make_pipeline calls this class",
}
NOISY = {
    "check_methods_sample_order_invariance": "every row of a product has read noise of its own, by its place",
    "check_methods_subset_invariance": "every product draws its read noise anew, so that batches differ from the whole",
}


def excused(memory: Any) -> dict[str, str]:
    return ALWAYS if memory.substrate == "digital" else ALWAYS | NOISY


@parametrize_with_checks([Memory("digital"), Memory()], expected_failed_checks=excused)
def test_the_suite_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
