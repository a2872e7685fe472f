import pytest
from golden.custom_cluster import CustomCluster


@pytest.fixture
def cluster():
    return CustomCluster()
