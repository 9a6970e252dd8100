"""The recipes of docs/development.md touch few files."""

from tests.architecture.recipes import GOALS, recipes


def test_each_recipe_is_on_the_page() -> None:
    assert list(recipes()) == list(GOALS)


def test_no_recipe_touches_more_files_than_it_may() -> None:
    touched = {name: len(files) for name, files in recipes().items()}

    assert all(touched.values())
    assert {name: count for name, count in touched.items() if count > GOALS[name]} == {}
