import pytest

from product_matching import errors
from product_matching._optional import require
from product_matching.errors import unknown_name

ERRORS = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_one_that_the_caller_can_catch_at_once(error):
    assert issubclass(error, errors.ProductMatchingError)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ConfigError, ValueError),
        (errors.DataError, ValueError),
        (errors.BundleError, ValueError),
        (errors.CheckpointError, ValueError),
        (errors.MissingExtraError, ImportError),
    ],
)
def test_errors_are_the_builtin_ones_too(error, builtin):
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("resnet5", ["resnet50", "vit"], "Unknown thing 'resnet5'. Did you mean 'resnet50'? Known: resnet50, vit."),
        ("xyz", ["b", "a"], "Unknown thing 'xyz'. Known: a, b."),
        ("x", [], "Unknown thing 'x'. Known: none."),
        ("颜包", ["颜色", "尺寸"], "Unknown thing '颜包'. Known: 尺寸, 颜色."),
        (3, ["1", "2"], "Unknown thing '3'. Known: 1, 2."),
    ],
)
def test_unknown_name_offers_the_nearest_and_lists_the_rest(name, known, message):
    assert unknown_name("thing", name, known) == message


def test_missing_library_names_the_line_that_installs_it():
    with pytest.raises(errors.MissingExtraError, match=r"no_such_library is not installed .*\[plots\]"):
        require("no_such_library.pyplot", "plots")


def test_present_library_is_given():
    assert require("json.decoder", "plots").__name__ == "json.decoder"
