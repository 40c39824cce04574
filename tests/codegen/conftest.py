"""Compiled test kernels are kept out of the user's object cache."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def object_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_DIR", str(tmp_path_factory.mktemp("objects")))
        yield
