"""Which files a path means."""

import pytest

from adapter.errors import ConfigError
from adapter.rulefiles import read_rule_files
from adapter.rules.yamltext import MAX_BYTES


def names(found):
    return [name.rpartition("/")[2] for name, _ in found]


def test_files_come_in_the_order_given_and_directories_sorted(tmp_path):
    (tmp_path / "more").mkdir()
    for name in ("b.yaml", "a.yml", "c.yaml.bak", "README.md", ".hidden.yaml"):
        (tmp_path / "more" / name).write_text(name)
    (tmp_path / "more" / "sub.yaml").mkdir()
    (tmp_path / "rules").write_text("rules: []")

    found = read_rule_files([str(tmp_path / "rules"), str(tmp_path / "more")])

    assert names(found) == ["rules", "a.yml", "b.yaml"]
    assert found[0] == (str(tmp_path / "rules"), b"rules: []")


def test_a_mounted_configmap_is_read_once(tmp_path):
    """kubelet puts the files into a directory of their own and links to it twice."""
    data = tmp_path / "..2026_01_01"
    data.mkdir()
    (data / "rules.yaml").write_text("rules: []")
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "rules.yaml").symlink_to("..data/rules.yaml")

    assert read_rule_files([str(tmp_path)]) == [(str(tmp_path / "rules.yaml"), b"rules: []")]


def test_every_unreadable_path_is_named(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_rule_files([str(tmp_path / "none"), str(tmp_path), str(tmp_path / "nor")])

    assert list(caught.value.problems) == [
        f"cannot read {tmp_path}/none: No such file or directory",
        f"{tmp_path} has no rule file: none is called *.yaml or *.yml",
        f"cannot read {tmp_path}/nor: No such file or directory",
    ]


def test_no_more_is_read_than_it_takes_to_refuse(tmp_path):
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (5 * MAX_BYTES))

    ((_, content),) = read_rule_files([str(file)])

    assert len(content) == MAX_BYTES + 1
