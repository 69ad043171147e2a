"""QuickStart programs are cut out of a page and led to another address, and what is not found is named."""

from __future__ import annotations

import pytest

from tests.external.quickstart_programs import Api, Uncut, led_to, programs

PAGE = """# Manual
```python
print("of another chapter")
```
## Our QuickStart
Some words.
## From a video that is embedded
```lang-shell
install
```
~~~rdmd-code lang-python theme-light
import requests
# domain = "old.example" is a comment
my_domain = "staging.shop.example"
my_api_key = 'your key here'
answer = requests.get(f"https://{my_domain}/orders", auth=(my_api_key, ""))
print("see https://docs.shop.example")
~~~
```js
const myDomain = `staging.shop.example`;
const myApiKey = "your_api_key";
axios.get(`https://${myDomain}/orders`);
```
```Ruby
my_domain = "staging.shop.example"
my_api_key = "your_api_key"
http = Net::HTTP.new(my_domain, 443)
http.use_ssl = true
```
```python
print("a later one")
```
"""
API = Api("127.0.0.1", 8601, "test_1")


def test_programs_are_cut_out_and_led_to_an_address_by_plain_http() -> None:
    cut = {language: led_to(language, program, API) for language, program in programs(PAGE).items()}
    assert cut == {
        "python": "import requests\n"
        '# domain = "old.example" is a comment\n'
        'my_domain = "127.0.0.1:8601"\n'
        "my_api_key = 'test_1'\n"
        'answer = requests.get(f"http://{my_domain}/orders", auth=(my_api_key, ""))\n'
        'print("see https://docs.shop.example")\n',
        "javascript": "const myDomain = `127.0.0.1:8601`;\n"
        'const myApiKey = "test_1";\n'
        "axios.get(`http://${myDomain}/orders`);\n",
        "ruby": 'my_domain = "127.0.0.1"\n'
        'my_api_key = "test_1"\n'
        "http = Net::HTTP.new(my_domain, 8601)\n"
        "http.use_ssl = false\n",
    }


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (PAGE.replace("```js", "```c"), "no QuickStart program in javascript"),
        (PAGE.replace("QuickStart", "Beginning"), "in python, javascript, ruby"),
        (PAGE.replace(", 443", ""), "ruby does not set the port"),
        (PAGE.replace("myApiKey", "myKey"), "javascript does not set the key"),
        (PAGE.replace("https://{my", "{my"), "python does not set the scheme"),
    ],
)
def test_what_is_not_found_is_named(page: str, says: str) -> None:
    with pytest.raises(Uncut, match=says):
        _ = {language: led_to(language, program, API) for language, program in programs(page).items()}
