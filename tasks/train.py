"""Train the learner on the dataset version and choose its threshold on real validation rows."""

import importlib.metadata

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def train(project: Project, compared: Version, dataset: Version) -> Plan:
    """Plan the fitted model with its threshold inside, as one skops file; it is trained as the shipped arm was."""
    from rarecall.arms.arm import Arm

    def write(draft: Draft) -> None:
        from rarecall import threshold, training
        from serving import model

        rows = pd.read_parquet(dataset.file("train.parquet"))
        unseen = pd.read_parquet(dataset.file("validation.parquet"))
        features = dataset.facts["features"]
        pipeline = training.estimator(learner, features, seed=project.seed)
        training.fit(pipeline, rows[list(features)], rows["label"].to_numpy(), rows["label_weight"].to_numpy())
        chosen = threshold.choose(
            unseen["label"].to_numpy(),
            training.score(pipeline, unseen),
            precision_floor=floor,
            confidence=project.gates.confidence,
        )
        model.save(training.with_threshold(pipeline, chosen.value, unseen), draft.folder / model.FILE)
        draft.facts.update(
            learner=learner.learner,
            threshold=chosen.value,
            validation={"recall": chosen.recall, "precision": chosen.precision, "floor_reached": chosen.reached},
        )

    learner = Arm(**compared.facts["shipped"]).training(project.training)
    floor = min(1.0, project.gates.minority_precision + project.training.precision_margin)
    recipe = {
        "training": learner.model_dump(mode="json"),
        "precision_floor": floor,
        "confidence": project.gates.confidence,
        "seed": project.seed,
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }
    return Plan(kind="models", recipe=recipe, inputs=(dataset,), write=write)
