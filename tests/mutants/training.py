"""Changes in stages of training, checkpoints and what is placed on devices."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "the same order of images in every epoch",
        "training/pretrain.py",
        'generator(recipe.seed, "order", epoch).permutation(len(self.data))',
        'generator(recipe.seed, "order").permutation(len(self.data))',
        ("training/test_pretrain.py",),
    ),
    Mutant(
        "the last images of an epoch are left out",
        "training/pretrain.py",
        "rows = np.sort(self.order[within * recipe.batch_size : (within + 1) * recipe.batch_size])",
        "rows = np.sort(self.order[within * recipe.batch_size // 2 :][: recipe.batch_size])",
        ("training/test_pretrain.py",),
    ),
    Mutant(
        "augmentation draws the same in every step",
        "training/pretrain.py",
        'rng = generator(recipe.seed, "step", step)',
        'rng = generator(recipe.seed, "step")',
        ("training/test_pretrain.py",),
    ),
    Mutant(
        "a resumed training begins with a fresh optimiser",
        "training/pretrain.py",
        '        self.optimiser.load_state_dict(state["optimiser"])\n',
        "",
        ("training/test_resume.py",),
    ),
    Mutant(
        "a checkpoint of another recipe is taken",
        "training/checkpoint.py",
        "    if given != description:\n",
        "    if False:\n",
        ("training/test_checkpoint.py",),
    ),
    Mutant(
        "every episode has the same classes",
        "training/metalearn.py",
        'rng = generator(recipe.seed, "episode", done)',
        'rng = generator(recipe.seed, "episode")',
        ("training/test_metalearn.py",),
    ),
    Mutant(
        "every iteration has the same tasks",
        "training/maml.py",
        'rng = generator(recipe.seed, "iteration", done)',
        'rng = generator(recipe.seed, "iteration")',
        ("training/test_meta_training.py",),
    ),
    Mutant(
        "classes that are held out are trained on too",
        "training/maml.py",
        "np.sort(order[: recipe.held_out]), np.sort(order[recipe.held_out :])",
        "np.sort(order[: recipe.held_out]), np.sort(order)",
        ("training/test_meta_training.py",),
    ),
    Mutant(
        "a stop after a step does not save that step",
        "training/loop.py",
        "if stage.saves(done) or now - saved > save_s or stopping:",
        "if stage.saves(done) or now - saved > save_s:",
        ("training/test_resume.py",),
    ),
    Mutant(
        "field names of version 0.1 are not read",
        "training/checkpoint.py",
        'given = _present_names(str(state.pop("what")))',
        'given = str(state.pop("what"))',
        ("training/test_resume.py",),
    ),
    Mutant(
        "a weights file of another card is taken",
        "backbones/weights_file.py",
        'if metadata is not None and metadata.get("digest") != _digest(card, tensors):',
        "if False:",
        ("backbones/test_frozen_files.py",),
    ),
    Mutant(
        "the clock of placed layers stands still",
        "placement.py",
        "        layer.now_s = now_s\n\n\ndef _placed(",
        "        layer.now_s = layer.now_s\n\n\ndef _placed(",
        ("test_placement.py",),
    ),
]
