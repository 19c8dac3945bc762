"""The other value modules: labels, randomness, provenance, findings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import git_state, run_manifest, sha256_of_array, sha256_of_values, weights_sha256
from gnomon.core.randomness import generator, global_streams, stream_key
from gnomon.rules.finding import Finding, Severity, unwaived_errors


class TestLabels:
    scheme = LabelScheme(("left", "right", "lesion"), (4, 2, 9), pairs=(("left", "right"),), ignore=255)

    def test_channels_follow_the_order_of_names_and_back(self):
        values = np.array([0, 4, 2, 9, 255])
        channels = self.scheme.channels_from_values(values)
        assert channels.tolist() == [0, 1, 2, 3, 4]
        assert self.scheme.values_from_channels(channels[:4]).tolist() == [0, 4, 2, 9]

    def test_a_scheme_survives_its_dictionary(self):
        assert LabelScheme.from_dict(self.scheme.as_dict()) == self.scheme

    @pytest.mark.parametrize(
        "arguments",
        [
            {"names": ("a", "a"), "values": (1, 2)},
            {"names": ("a", "b"), "values": (1, 1)},
            {"names": ("a",), "values": (0,)},
            {"names": ("a",), "values": (1, 2)},
            {"names": (), "values": ()},
            {"names": ("a",), "values": (1,), "pairs": (("a", "b"),)},
            {"names": ("a",), "values": (1,), "ignore": 1},
        ],
    )
    def test_a_scheme_that_contradicts_itself_is_refused(self, arguments):
        with pytest.raises(ValueError, match=r"label|pairs"):
            LabelScheme(**arguments)


class TestRandomness:
    def test_a_key_gives_the_same_draws_whatever_was_drawn_before(self):
        first = generator(7, "patch", 3, "case").random(5)
        generator(7, "patch", 4, "case").random(100)
        assert np.array_equal(generator(7, "patch", 3, "case").random(5), first)

    def test_every_part_of_the_key_matters(self):
        keys = {
            stream_key(1, "a", 1, "b"),
            stream_key(2, "a", 1, "b"),
            stream_key(1, "c", 1, "b"),
            stream_key(1, "a", 2, "b"),
            stream_key(1, "a", "1", "b"),
            stream_key(1, "a", 1),
        }
        assert len(keys) == 6

    def test_the_key_is_the_same_on_every_machine(self):
        assert stream_key(0, "order", 1) == 4848333355393712296275979755822977472

    def test_global_generators_are_lent_and_put_back(self):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        with global_streams(1, "x"):
            inside = torch.rand(3), np.random.random(3)  # noqa: NPY002
        assert torch.equal(torch.random.get_rng_state(), torch_before)
        assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
        with global_streams(1, "x"):
            assert torch.equal(torch.rand(3), inside[0])
            assert np.array_equal(np.random.random(3), inside[1])  # noqa: NPY002


class TestProvenance:
    def test_the_weight_hash_sees_name_type_shape_and_every_bit(self):
        state = {"a": torch.arange(6.0), "b": torch.ones(2, dtype=torch.int64)}
        reference = weights_sha256(state)
        assert weights_sha256(dict(reversed(state.items()))) == reference
        one_bit = state["a"].clone()
        one_bit.view(torch.int32)[3] ^= 1
        for other in (
            {**state, "a": one_bit},
            {**state, "a": state["a"].double()},
            {**state, "a": state["a"].reshape(2, 3)},
            {"c": state["a"], "b": state["b"]},
        ):
            assert weights_sha256(other) != reference

    def test_array_hashes_tell_types_and_shapes_apart(self):
        array = np.arange(6, dtype=np.int32)
        different = {sha256_of_array(a) for a in (array, array.reshape(2, 3), array.astype(np.uint32), array + 1)}
        assert len(different) == 4

    def test_the_order_of_keys_does_not_change_a_hash(self):
        assert sha256_of_values({"a": 1, "b": [2]}) == sha256_of_values({"b": [2], "a": 1})

    def test_a_nan_is_not_hashed_in_silence(self):
        with pytest.raises(ValueError, match="JSON"):
            sha256_of_values({"a": float("nan")})

    def test_a_folder_outside_git_has_no_commit(self, tmp_path):
        assert git_state(tmp_path) == {"commit": None, "dirty": None, "diff_sha256": None}

    def test_the_manifest_names_code_versions_machine_and_config(self, tmp_path):
        manifest = run_manifest(tmp_path, {"seed": 3}, weights_sha256="abc")
        assert manifest["weights_sha256"] == "abc"
        assert manifest["config_sha256"] == sha256_of_values({"seed": 3})
        assert manifest["packages"]["torch"] == torch.__version__.split("+")[0]
        assert {"git", "lock_sha256", "hardware", "environment"} <= manifest.keys()


class TestFindings:
    finding = Finding(
        rule="DCM211",
        where="volume x",
        found="2 missing slices",
        expected="a slice every 4 mm",
        remedy="Fetch them.",
    )

    def test_a_finding_reads_found_expected_where_what_to_do(self):
        assert str(self.finding) == (
            "DCM211 volume x: found 2 missing slices; expected a slice every 4 mm. Fetch them."
        )

    def test_known_rules_and_mere_information_are_not_held_against_a_run(self):
        told = Finding(
            rule="DCM210",
            where="volume y",
            found="a",
            expected="b",
            remedy="c",
            severity=Severity.INFO,
        )
        assert unwaived_errors([self.finding, told], []) == [self.finding]
        assert unwaived_errors([self.finding, told], ["DCM211"]) == []
