"""Which server is meant, when some of its settings are left out."""

import json
from pathlib import Path

import pytest

from fileintel.config import Endpoint, load_settings
from fileintel.errors import ConfigError

BUILTIN_CHAT = Endpoint("builtin", "none", "fileintel-extractive", builtin=True)
BUILTIN_EMBEDDING = Endpoint("builtin", "none", "fileintel-hashed-384", builtin=True)
OPENAI = "https://api.openai.com/v1"
VLLM = "http://gpu:8000/v1"


def chat(**settings: str) -> Endpoint:
    return load_settings(_dotted(settings), {"FILEINTEL_HOME": "/nowhere"}).chat_endpoint()


def embedding(**settings: str) -> Endpoint:
    return load_settings(_dotted(settings), {"FILEINTEL_HOME": "/nowhere"}).embedding_endpoint()


def _dotted(settings: dict[str, str]) -> dict[str, object]:
    return {key.replace("_", ".", 1): value for key, value in settings.items()}


def test_nothing_set_is_the_built_in_model() -> None:
    assert chat() == BUILTIN_CHAT
    assert embedding() == BUILTIN_EMBEDDING


def test_the_word_builtin_wins_over_a_key() -> None:
    assert chat(llm_base_url="builtin", llm_api_key="sk") == BUILTIN_CHAT
    assert embedding(llm_base_url="builtin", llm_api_key="sk") == BUILTIN_EMBEDDING
    assert embedding(llm_base_url=VLLM, embedding_base_url="builtin") == BUILTIN_EMBEDDING


def test_a_key_alone_is_openai() -> None:
    assert chat(llm_api_key="sk", llm_model="m") == Endpoint(OPENAI, "sk", "m")
    assert embedding(llm_api_key="sk") == Endpoint(OPENAI, "sk", "text-embedding-3-small")
    assert embedding(llm_api_key="sk", embedding_model="big") == Endpoint(OPENAI, "sk", "big")


def test_openai_without_a_model_or_a_key_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"set llm\.model"):
        chat(llm_api_key="sk")
    with pytest.raises(ConfigError, match=r"set llm\.api_key"):
        chat(llm_base_url=OPENAI, llm_model="m")
    with pytest.raises(ConfigError, match=r"set embedding\.api_key"):
        embedding(llm_base_url=VLLM, llm_api_key="of-vllm", embedding_base_url=OPENAI)


def test_a_server_of_ones_own_needs_neither_key_nor_model() -> None:
    assert chat(llm_base_url=VLLM) == Endpoint(VLLM, "none", None)
    assert chat(llm_base_url=VLLM, llm_api_key="k", llm_model="m") == Endpoint(VLLM, "k", "m")


def test_a_server_of_ones_own_that_is_known_for_chat_only_is_not_asked_for_vectors() -> None:
    assert embedding(llm_base_url=VLLM, llm_model="m") == BUILTIN_EMBEDDING
    assert embedding(llm_base_url=VLLM, llm_api_key="k", embedding_model="e") == Endpoint(VLLM, "k", "e")


def test_embeddings_may_have_a_server_of_their_own() -> None:
    other = "http://gpu:8001/v1"
    assert embedding(llm_base_url=VLLM, embedding_base_url=other) == Endpoint(other, "none", None)
    assert embedding(embedding_base_url=other, embedding_model="e") == Endpoint(other, "none", "e")
    assert embedding(embedding_api_key="sk") == Endpoint(OPENAI, "sk", "text-embedding-3-small")


def test_a_key_goes_only_to_the_host_that_it_was_given_for() -> None:
    assert embedding(llm_base_url=VLLM, llm_api_key="k", embedding_base_url="http://gpu:8001/v1").api_key == "k"
    assert embedding(llm_base_url=VLLM, llm_api_key="k", embedding_base_url="http://other/v1").api_key == "none"
    assert embedding(llm_api_key="sk", embedding_base_url="http://other/v1").api_key == "none"
    assert embedding(llm_api_key="sk", embedding_base_url="http://other/v1", embedding_api_key="own").api_key == "own"


def test_a_model_or_a_key_without_a_server_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"llm\.model is 'qwen3', but there is no server for it"):
        chat(llm_model="qwen3")
    with pytest.raises(ConfigError, match=r"embedding\.model is 'bge-m3', but there is no server for it"):
        embedding(embedding_model="bge-m3")
    with pytest.raises(ConfigError, match=r"set embedding\.base_url or embedding\.model"):
        embedding(llm_base_url=VLLM, embedding_api_key="k")
    assert chat(llm_model="fileintel-extractive") == BUILTIN_CHAT
    assert embedding(embedding_model="fileintel-hashed-384") == BUILTIN_EMBEDDING


TWO = "[{base_url: 'http://gpu-1:8000/v1', weight: 2}, {base_url: 'http://gpu-2:8000/v1', api_key: other}]"


def test_several_servers_have_one_model_and_their_weights() -> None:
    settings = load_settings({"llm.endpoints": TWO, "llm.model": "m", "llm.api_key": "sk"}, {})
    first, second = settings.chat_endpoints()
    assert first == settings.chat_endpoint() == Endpoint("http://gpu-1:8000/v1", "sk", "m", weight=2.0)
    assert second == Endpoint("http://gpu-2:8000/v1", "other", "m")


def test_one_server_is_a_list_of_one() -> None:
    settings = load_settings({"llm.base_url": VLLM}, {})
    assert settings.chat_endpoints() == [Endpoint(VLLM, "none", None)]
    assert settings.embedding_endpoints() == [BUILTIN_EMBEDDING]


def test_embeddings_can_have_several_servers_too() -> None:
    settings = load_settings({"embedding.endpoints": TWO, "embedding.model": "e"}, {})
    assert [endpoint.api_key for endpoint in settings.embedding_endpoints()] == ["none", "other"]
    assert settings.chat_endpoints() == [BUILTIN_CHAT]


def test_a_key_is_not_sent_to_another_host_of_the_list() -> None:
    listed = "[{base_url: 'http://a/v1', api_key: secret}, {base_url: 'http://a/v2'}, {base_url: 'http://b/v1'}]"
    keys = [endpoint.api_key for endpoint in load_settings({"llm.endpoints": listed}, {}).chat_endpoints()]
    assert keys == ["secret", "secret", "none"]


def test_a_list_and_a_single_server_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match=r"llm\.base_url and llm\.endpoints are both set"):
        load_settings({"llm.endpoints": TWO, "llm.base_url": VLLM}, {}).chat_endpoint()


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ("[{base_url: nowhere}]", "URL of a server"),
        ("[{base_url: 'http://a/v1', weight: 0}]", "greater than 0"),
        ("[{base_url: 'http://a/v1', wieght: 1}]", "not permitted"),
        ("[{weight: 1}]", "required"),
        ("[builtin]", "llm.endpoints"),
    ],
)
def test_a_wrong_entry_is_an_error_that_names_the_list(listed: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as error:
        load_settings({"llm.endpoints": listed}, {})
    assert "llm.endpoints" in str(error.value)


def test_keys_in_a_list_of_servers_are_never_shown(tmp_path: Path) -> None:
    hidden = tmp_path / "endpoints"
    hidden.write_text("[{base_url: 'http://u:pass@a/v1', api_key: topsecret}]")
    settings = load_settings({}, {"FILEINTEL__LLM__ENDPOINTS_FILE": str(hidden)})
    assert settings.chat_endpoint().api_key == "topsecret"
    shown = json.dumps([settings.snapshot(), [str(origin) for origin in settings.origins()]]) + repr(settings)
    assert "topsecret" not in shown
    assert ":pass@" not in shown
    assert "http://u:" in shown
