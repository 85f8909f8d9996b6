"""The facts that the rules of attributes.py are made from, for one resource of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfnlocal.errors import TemplateError
from sfnlocal.ports import Json
from sfnlocal.template.names import digest, uuid_of

if TYPE_CHECKING:
    from sfnlocal.template.cloudformation import Stack


class ResourceFacts:
    """Implements attributes.Facts for one resource."""

    def __init__(self, stack: Stack, logical_id: str) -> None:
        self._stack = stack
        self._logical_id = logical_id
        self.where = stack.pointer("Resources", logical_id)

    def __getitem__(self, name: str, /) -> str:
        stack, logical_id = self._stack, self._logical_id
        match name:
            case "partition" | "region" | "account" | "url_suffix":
                return str(getattr(stack, name))
            case "name":
                return stack.name_of(logical_id)
            case "arn":
                return stack.arn_of(logical_id)
            case "ref":
                return str(stack.ref(logical_id, self.where))
            case "uuid":
                return uuid_of(stack.name, logical_id)
            case "id":
                return digest(stack.name, logical_id)[:10]
            case "id6":
                return digest(stack.name, logical_id)[:6]
            case "id17":
                return digest(stack.name, logical_id)[:17]
            case "id_upper":
                return digest(stack.name, logical_id)[:17].upper()
            case "root_id":
                return digest(stack.name, logical_id, "root")[:10]
        value = self.property(name)
        if value is None:
            raise TemplateError(f"the property {name} is missing", where=self.where)
        return str(value)

    def property(self, name: str) -> Json:
        return self._stack.property(self._logical_id, name)

    def ordinal(self, name: str) -> int:
        stack = self._stack
        mine = stack.declared(self._logical_id, name)
        same = [
            logical_id
            for logical_id in stack.of_type(stack.type_of(self._logical_id))
            if stack.declared(logical_id, name) == mine
        ]
        return same.index(self._logical_id) + 1
