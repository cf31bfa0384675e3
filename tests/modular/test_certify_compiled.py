"""What the certificate finds in compiled models is what was built into them, distractors included."""

import pytest

from scrubkit.families.modular.certify.certificate import certify, with_certificate
from scrubkit.families.modular.compile import compile_model

HIDDEN = {"rotate": True, "permute": True, "seed": 3}
ALGORITHM = {"pizza": "pizza", "clock-torus": "clock", "clock-attention": "clock"}
DISTRACTORS = {
    "none": {},
    "dead frequencies": {"dead_frequencies": (2, 10)},
    "decoy neurons": {"decoy_neurons": 20},
    "decoy heads": {"decoy_heads": 2},
    "redundant heads": {"redundant_heads": 2},
    "cancelling heads": {"cancelling_heads": 2},
    "memorised pairs": {"memorised_pairs": 12},
}


def build(variant, **options):
    return compile_model(variant=variant, **{"p": 31, "frequencies": (3, 7, 11), **HIDDEN, **options})


def sets(clusters):
    return {k: set(members) for k, members in clusters.items()}


@pytest.mark.parametrize("distractors", DISTRACTORS.values(), ids=DISTRACTORS)
@pytest.mark.parametrize("variant", ALGORITHM)
def test_a_compiled_model_is_certified_as_what_was_built(variant, distractors):
    model = build(variant, distractors=distractors)
    found = certify(model)
    assert found.reasons == ()
    assert found.certified
    assert found.algorithm == ALGORITHM[variant]
    assert found.frequencies == model.truth.frequencies == (3, 7, 11)
    assert sets(found.clusters) == sets(model.truth.clusters)
    assert found.weights_hash == model.weights_hash


@pytest.mark.parametrize(
    ("variant", "task", "frequencies"),
    [
        ("pizza", "modular_subtraction", (3, 7, 11)),
        ("clock-torus", "modular_subtraction", (3, 7, 11)),
        ("clock-torus", "modular_multiplication", (3, 7, 12)),
        ("clock-attention", "modular_multiplication", (3, 7, 12)),
    ],
)
def test_the_other_tasks_certify_with_the_same_code(variant, task, frequencies):
    model = build(variant, task=task, frequencies=frequencies)
    found = certify(model)
    assert found.reasons == ()
    assert found.frequencies == frequencies
    assert sets(found.clusters) == sets(model.truth.clusters)
    assert found.algorithm == ALGORITHM[variant]


@pytest.mark.parametrize("variant", ALGORITHM)
def test_the_highest_frequency_is_not_lost(variant):
    assert certify(build(variant, frequencies=(3, 15))).frequencies == (3, 15)


@pytest.mark.parametrize("variant", ["pizza", "clock-torus"])
def test_noise_on_the_weights_moves_no_neuron(variant):
    model = build(variant, noise=0.005)
    found = certify(model)
    assert found.certified
    assert found.algorithm == ALGORITHM[variant]
    assert sets(found.clusters) == sets(model.truth.clusters)


def test_dead_frequencies_are_reported_as_embedded_and_unread():
    tables = certify(build("pizza", distractors={"dead_frequencies": (2, 10)})).tables
    assert tables["embedded"] == [2, 3, 7, 10, 11]
    assert tables["unread"] == [2, 10]


def test_a_backup_path_joins_the_cluster_of_its_frequency():
    model = build("pizza", distractors={"backup_path": 0.1})
    found, truth = certify(model), model.truth
    assert found.certified
    assert set(found.clusters[3]) == set(truth.clusters[3]) | set(truth.neuron_roles["backup"])
    assert set(found.clusters[7]) == set(truth.clusters[7])


def test_a_model_read_from_its_logits_has_no_clusters_and_no_threshold_on_its_skip_path():
    found = certify(build("clock-attention"))
    assert found.tables["read_from"] == "logits"
    assert found.clusters == {}
    assert found["skip_removed_loss"].value > 1
    assert found["skip_removed_loss"].at_most is found["skip_held_loss"].at_most is None
    assert "clustered_neurons" not in {figure.name for figure in found.measurements}


def test_provenance_is_not_what_tells_compiled_models_apart():
    model = build("pizza")
    disguised = model.with_(truth=None, provenance=model.provenance.model_copy(update={"kind": "imported"}))
    assert certify(disguised).algorithm == "pizza"


def test_truth_by_construction_is_kept():
    model = build("pizza")
    certified = with_certificate(model)
    assert certified.truth == model.truth
    assert certified.certificate is not None


def test_losing_a_cluster_is_refused():
    model = build("pizza")
    kept = model.weights.W_out.clone()
    kept[list(model.truth.clusters[7])] = 0
    kept[list(model.truth.clusters[11])] = 0
    found = certify(model.with_(weights=model.weights.with_(W_out=kept)))
    assert not found.certified
    assert found.frequencies == (3,)
    assert any("formula itself does not solve the task" in reason for reason in found.reasons)
