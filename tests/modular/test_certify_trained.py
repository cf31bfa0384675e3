"""Trained models: the clean one is certified, the others are refused with reasons that say why."""

import numpy as np
import pytest

from scrubkit.core import feature, site
from scrubkit.errors import ModelError
from scrubkit.families.modular.certify.certificate import certify, with_certificate
from scrubkit.models.load import bundled_names, load
from scrubkit.models.store import read, save


def missed(certificate):
    return {figure.name for figure in certificate.measurements if not figure.passed}


def test_a_cleanly_trained_model_is_certified_by_its_figures(grokked):
    found = certify(grokked)
    assert found.reasons == ()
    assert found.certified
    assert found.algorithm == "measured"
    assert 1 <= len(found.frequencies) <= 5
    assert found["held_out_loss"].value < 1e-3
    for k, members in found.clusters.items():
        assert k in found.frequencies
        assert len(members) >= 3


def test_clusters_hold_each_neuron_once_and_only_pure_ones(grokked):
    found = certify(grokked)
    members = [neuron for cluster in found.clusters.values() for neuron in cluster]
    assert len(members) == len(set(members))
    neurons = found.tables["neurons"]
    for k, cluster in found.clusters.items():
        assert all(neurons["purity"][i] >= 0.85 and neurons["frequency"][i] == k for i in cluster)


def test_a_memorising_model_is_refused_because_it_memorised(memorising):
    found = certify(memorising)
    assert not found.certified
    assert found["train_loss"].value < 1e-2
    assert found.reasons[0].startswith("The model has memorised: its loss is")
    assert {"held_out_loss", "clustered_neurons", "signal_residual", "trig_share"} <= missed(found)


def test_an_untrained_model_is_refused_because_it_does_not_solve_the_task(untrained):
    found = certify(untrained)
    assert not found.certified
    assert "the model does not solve the task" in found.reasons[0]
    assert {"accuracy", "loss", "trig_share", "restricted_loss"} <= missed(found)
    assert not any("memorised" in reason for reason in found.reasons)


def test_a_half_trained_model_is_refused_because_its_clusters_are_not_formed(half_trained):
    found = certify(half_trained)
    assert not found.certified
    assert {"held_out_loss", "clustered_neurons"} <= missed(found)
    assert any("the neurons have not settled into clusters" in reason for reason in found.reasons)


def test_each_reason_gives_the_figure_and_its_threshold(memorising):
    found = certify(memorising)
    share = found["clustered_neurons"]
    said = next(reason for reason in found.reasons if share.note in reason)
    assert f"{100 * share.value:.4g} %" in said
    assert "at least 60 % is needed" in said


def test_only_a_certified_model_gets_a_measured_truth(grokked, memorising):
    refused = with_certificate(memorising)
    assert refused.truth is None
    assert refused.certificate.reasons
    certified = with_certificate(grokked)
    truth = certified.truth
    assert (truth.source, truth.variant, truth.p) == ("certificate", "measured", 31)
    assert truth.frequencies == certified.certificate.frequencies
    assert truth.clusters == certified.certificate.clusters
    assert [role.head for role in truth.heads] == [0, 1, 2, 3]


def test_a_truth_that_was_measured_before_is_measured_again(grokked, memorising):
    stale = memorising.with_(truth=with_certificate(grokked).truth)
    assert with_certificate(stale).truth is None


def test_what_sites_are_said_to_carry_can_be_read_as_sites_and_features(grokked):
    carries = with_certificate(grokked).truth.statements
    found = {item.site: item for item in carries}
    for text, item in found.items():
        site.parse(text)
        feature.parse(item.feature).values(grokked.task.columns, grokked.task.constants)
    assert found["hook_embed[pos=0]"].feature == "a"
    k = certify(grokked).frequencies[0]
    assert not found[f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"].exact
    assert found[f"logits[frequencies={k}]"].feature == "(a + b) % p"


def test_the_training_split_is_taken_from_provenance(grokked):
    mask = grokked.task.split(0.6, 1)
    assert certify(grokked) == certify(grokked, train_mask=mask)
    stranger = grokked.with_(provenance=grokked.provenance.model_copy(update={"kind": "imported"}))
    names = {figure.name for figure in certify(stranger).measurements}
    assert "held_out_loss" not in names
    assert certify(stranger)["excluded_loss"].value != certify(grokked)["excluded_loss"].value


def test_a_mask_of_the_wrong_length_is_an_error(grokked):
    with pytest.raises(ModelError, match="one entry for each of 961 inputs"):
        certify(grokked, train_mask=np.ones(5, dtype=bool))


def test_a_model_whose_activations_do_not_fit_is_an_error(grokked, monkeypatch):
    monkeypatch.setattr("scrubkit.families.modular.certify.layout.MAX_BYTES", 1000)
    with pytest.raises(ModelError, match="certify a model with a smaller p or d_mlp"):
        certify(grokked)


def test_the_weights_are_left_as_they_were(grokked):
    before = grokked.weights.digest()
    certify(grokked)
    assert grokked.weights.digest() == before
    assert not any(tensor.requires_grad for tensor in grokked.weights.named().values())


def test_certifying_twice_gives_the_same_certificate(grokked):
    assert certify(grokked) == certify(grokked)


def test_certificate_and_truth_survive_storage(grokked, tmp_path):
    certified = with_certificate(grokked)
    back = read(save(certified, tmp_path / "model"))
    assert back.certificate == certified.certificate
    assert back.truth == certified.truth


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_models_certify_as_their_record_says(name):
    model = load(name)
    found = certify(model)
    assert found.certified
    assert found.frequencies == model.truth.frequencies
    assert found.clusters == model.truth.clusters
