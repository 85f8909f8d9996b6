"""The stacks that are deployed together: what they export and store, and what is being worked out.

References that lead back to themselves are found here, since they may cross stacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sfnlocal.errors import NeedsAwsError, TemplateError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template.assembly import StackSource
from sfnlocal.template.cloudformation import Key, Stack
from sfnlocal.template.parameters import ParameterValues


class Deployment:
    """The stacks that are deployed together: what they export, and what is being worked out."""

    def __init__(
        self,
        sources: list[StackSource],
        account: str,
        region: str,
        parameters: Mapping[str, str],
    ) -> None:
        self.values = ParameterValues(parameters, self._stored_in_app)
        self.stacks = [Stack(source, self, account, region) for source in sources]
        self._all_stacks: list[Stack] | None = None
        self._in_progress: dict[tuple[str, Key], None] = {}

    @contextmanager
    def working_out(self, stack: Stack, key: Key) -> Iterator[None]:
        entry = (stack.name, key)
        if entry in self._in_progress:
            chain = [*self._in_progress, entry]
            chain = chain[chain.index(entry) :]
            path = " -> ".join(f"{name}/{'/'.join(keys)}" for name, keys in chain)
            raise TemplateError(f"circular reference: {path}", where=stack.pointer(*key))
        self._in_progress[entry] = None
        try:
            yield
        finally:
            del self._in_progress[entry]

    def all_stacks(self) -> list[Stack]:
        """Nested stacks follow their parents."""
        if self._all_stacks is None:
            self._all_stacks = [nested for stack in self.stacks for nested in stack.with_nested()]
        return self._all_stacks

    def export(self, name: str, importer: Stack, where: str) -> Json:
        """Exports are unique in an account and region."""
        for stack in self.all_stacks():
            if (stack.account, stack.region) == (importer.account, importer.region):
                output = stack.exports().get(name)
                if output is not None:
                    return stack.output(output, where)
        raise NeedsAwsError(f"no stack of the app exports {name}", where=where)

    def stack(self, name: str, region: str, where: str) -> Stack:
        for stack in self.all_stacks():
            if (stack.name, stack.region) == (name, region):
                return stack
        raise NeedsAwsError(f"the app has no stack {name} in {region}", where=where)

    def _stored_in_app(self, name: str) -> str | None:
        """The value of the app's own Systems Manager parameter `name`, where it sets that name."""
        for stack in self.all_stacks():
            for logical_id in stack.of_type("AWS::SSM::Parameter"):
                try:
                    found = stack.property(logical_id, "Name") == name
                except (NeedsAwsError, UnsupportedError):
                    continue  # who asks for this name is told so there
                if found:
                    return str(stack.property(logical_id, "Value"))
        return None
