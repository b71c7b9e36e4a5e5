"""Changes in stages of training, checkpoints and what is placed on devices."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "the same order of images in every epoch",
        "training/pretrain.py",
        'order = generator(recipe.seed, "order", epoch).permutation(len(data))',
        'order = generator(recipe.seed, "order").permutation(len(data))',
        ("training/test_pretrain.py",),
    ),
    Mutant(
        "the last images of an epoch are left out",
        "training/pretrain.py",
        "rows = np.sort(order[within * recipe.batch : (within + 1) * recipe.batch])",
        "rows = np.sort(order[within * recipe.batch // 2 : within * recipe.batch // 2 + recipe.batch])",
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
        '        optimiser.load_state_dict(state["optimiser"])\n',
        "",
        ("training/test_resume.py",),
    ),
    Mutant(
        "a checkpoint of another recipe is taken",
        "training/_checkpoint.py",
        "    if given != what:\n",
        "    if False:\n",
        ("training/test_checkpoint.py",),
    ),
    Mutant(
        "every episode has the same classes",
        "training/metalearn.py",
        'rng = generator(recipe.seed, "episode", step)',
        'rng = generator(recipe.seed, "episode")',
        ("training/test_metalearn.py",),
    ),
    Mutant(
        "every iteration has the same tasks",
        "training/maml.py",
        'trained, generator(recipe.seed, "iteration", step))',
        'trained, generator(recipe.seed, "iteration"))',
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
        "the clock of placed layers stands still",
        "place.py",
        "        layer.now_s = now_s\n\n\ndef _placed(",
        "        layer.now_s = layer.now_s\n\n\ndef _placed(",
        ("substrates/test_place.py",),
    ),
]
