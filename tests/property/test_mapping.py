"""Laws of labels and resources: a label leads back to the resource it was made for."""

from hypothesis import given
from hypothesis import strategies as st

from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import CORE, RESTMapper
from adapter.rules.mapping import ResourceMapping
from adapter.rules.schema import ResourceSection

WORDS = st.text("abns", min_size=1, max_size=4)
GROUPS = st.lists(WORDS, min_size=1, max_size=3).map(".".join) | st.just("")
RESOURCES = st.builds(
    lambda group, word, version, namespaced: ResourceInfo(
        group, version, f"{word}s", word, word.title(), namespaced
    ),
    GROUPS,
    WORDS,
    st.sampled_from(["v1", "v2"]),
    st.booleans(),
)
TEMPLATES = st.sampled_from(
    [
        "<<.Resource>>",
        "kube_<<.Resource>>",
        "kube_<<.Group>>_<<.Resource>>",
        "kube_<<.Resource>>_<<.Group>>_x",
    ]
)


def mapping(template, resources):
    section = ResourceSection.model_validate({"template": template})
    return ResourceMapping(section, RESTMapper(resources))


@given(TEMPLATES, st.lists(RESOURCES, min_size=1, max_size=8))
def test_a_label_made_for_a_resource_names_it_or_a_preferred_one_of_that_label(template, resources):
    labels = mapping(template, resources)

    for position, info in enumerate(resources):
        label = labels.label_for(info.group_resource)
        found = labels.resource_for(label)

        assert resources.index(found) <= position
        names = {found.singular, found.resource, found.kind.lower()}
        assert labels.label_for(found.group_resource) == label or info.singular in names


@given(TEMPLATES, st.text("abns_.", max_size=12))
def test_what_a_label_names_does_not_depend_on_what_was_asked_before(template, label):
    first, second = (mapping(template, CORE.resources) for _ in range(2))
    first.resource_for(f"{label}x")

    assert first.resource_for(label) == second.resource_for(label)
    assert first.resource_for(label) == first.resource_for(label)
