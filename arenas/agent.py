"""What a player is: device agents in JAX, host agents in Python.

A device agent is a pair of pure functions, so that a tournament between them compiles to one
program. A host agent is an object, for bots of other libraries, people and other processes.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray, PyTree

from arenas.env import AnyArray
from arenas.errors import BadArgument
from arenas.rollout import step_key

if TYPE_CHECKING:
    from arenas.host import HostEnv


class Agent:
    """A player of any kind.

    Attributes:
        name: as it was asked for, set by ``arenas.load_agent``; names it in records.
    """

    name: str = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class DeviceAgent(Agent, abc.ABC):
    """A player made of pure functions of one seat's view; batched by ``vmap``.

    Attributes:
        params: a pytree handed to :meth:`act`; ``()`` for scripted players.
    """

    params: PyTree[Any] = ()

    def init(self, key: PRNGKeyArray, seat: Int[AnyArray, ""]) -> PyTree[Array]:
        """What the agent carries from step to step, at the start of an episode.

        Args:
            key: randomness of this episode.
            seat: index of the seat that it holds. An array, so that one program serves all seats.
        """
        return ()

    @abc.abstractmethod
    def act(
        self,
        params: PyTree[Any],
        carry: PyTree[Array],
        observation: PyTree[AnyArray],
        action_mask: Bool[AnyArray, " actions"],
        key: PRNGKeyArray,
    ) -> tuple[PyTree[Array], Array]:
        """The next carry and the action, an integer scalar (``Box`` spaces: floats ``[K]``).

        Args:
            params: the agent's ``params``.
            carry: from :meth:`init` or the last ``act``.
            observation: this seat's, without an agent axis.
            action_mask: ``[K]``, what is legal now.
            key: randomness of this step.
        """

    def probabilities(
        self,
        params: PyTree[Any],
        carry: PyTree[Array],
        observation: PyTree[AnyArray],
        action_mask: Bool[AnyArray, " actions"],
    ) -> tuple[PyTree[Array], Array]:
        """The next carry, and the probability with which :meth:`act` takes each action, ``[K]``.

        What an exact evaluation or a viewer asks for. Agents with discrete actions have it where
        all their randomness is in the draw of the action: what they carry depends on no key.

        Args:
            params: as in :meth:`act`, as are the others.
            carry: from :meth:`init` or the last step.
            observation: this seat's.
            action_mask: ``[K]``.

        Raises:
            BadArgument: this agent does not tell.
        """
        raise BadArgument(f"agent {self.name!r} does not tell the probabilities of its actions")


class PolicyAgent(DeviceAgent):
    """A device agent that states its probabilities, and draws from them."""

    @abc.abstractmethod
    def probabilities(
        self, params: Any, carry: Any, observation: Any, action_mask: Any
    ) -> tuple[Any, Array]:
        """See :meth:`DeviceAgent.probabilities`; zero where an action is illegal."""

    def act(self, params: Any, carry: Any, observation: Any, action_mask: Any, key: Any) -> Any:
        carry, probabilities = self.probabilities(params, carry, observation, action_mask)
        action = jax.random.categorical(key, jnp.log(probabilities))
        return carry, action.astype(jnp.int32)


class HostAgent(Agent, abc.ABC):
    """A player in Python. It may fail or take long: matches forfeit it, and go on."""

    def watch(self, env: HostEnv) -> None:
        """See the live environment that will be played; called before :meth:`reset`.

        For agents that need more than their observation, such as bots that search from the
        position. Those change nothing in it. Most agents leave this alone.
        """

    @abc.abstractmethod
    def reset(self, seat: int, seed: int) -> None:
        """Start an episode in this seat; the same seed must give the same play.

        Args:
            seat: index of the seat.
            seed: from 0 to 2³²−1, different for each seat.
        """

    @abc.abstractmethod
    def act(self, observation: Any, action_mask: np.ndarray) -> int | np.ndarray:
        """The action, for this seat's observation and legal actions (bool ``[K]``), as NumPy."""

    def tell(self, observation: Any, action_mask: np.ndarray) -> tuple[np.ndarray, float] | None:
        """What records keep of the action that is asked for next, see :meth:`HostedAgent.tell`.

        None where the agent does not tell. Nothing changes by being asked.
        """
        return None


class HostedAgent(HostAgent):
    """A device agent on the host: the same seed, so the same actions, as on the device.

    The key of its ``n``-th action (from 1) in an episode is ``step_key(key, n)``, that of ``init``
    ``step_key(key, 0)``; :mod:`arenas.match` does the same on the device.
    """

    def __init__(self, agent: DeviceAgent) -> None:
        self.agent, self.name = agent, agent.name

        def start(seed: Any, seat: Any) -> Any:
            key = jax.random.key(seed)
            return key, agent.init(step_key(key, 0), seat)

        def act(params: Any, carry: Any, observation: Any, mask: Any, key: Any, acts: Any) -> Any:
            return agent.act(params, carry, observation, mask, step_key(key, acts))

        self._start, self._act = jax.jit(start), jax.jit(act)
        self._told = jax.jit(self._tell) if tells(agent) else None

    def _tell(self, params: Any, carry: Any, observation: Any, mask: Any) -> Any:
        if hasattr(self.agent, "evaluate"):
            _, logits, value = self.agent.evaluate(params, carry, observation, mask)  # type: ignore[attr-defined]
            return jax.nn.softmax(logits), jnp.nan if value is None else value
        _, probabilities = self.agent.probabilities(params, carry, observation, mask)
        return probabilities, jnp.nan

    def tell(self, observation: Any, action_mask: np.ndarray) -> tuple[np.ndarray, float] | None:
        """The probabilities ``[K]`` of the action that is asked for next, and the value.

        Of a trained agent that takes the likeliest action, they are those of its policy. The value
        is the return that it expects from here on, in the scale of its training; NaN where it has
        none. None where the agent does not tell. Nothing changes by being asked.
        """
        if self._told is None:
            return None
        told = self._told(self.agent.params, self._carry, observation, action_mask)
        return np.asarray(told[0], np.float32), float(told[1])

    def twin(self) -> HostedAgent:
        """The same agent for another seat: compiled once, with a carry of its own."""
        return copy.copy(self)

    def reset(self, seat: int, seed: int) -> None:
        self._key, self._carry = self._start(np.uint32(seed), np.int32(seat))
        self._acts = 0

    def act(self, observation: Any, action_mask: np.ndarray) -> int | np.ndarray:
        self._acts += 1
        self._carry, action = self._act(
            self.agent.params,
            self._carry,
            observation,
            action_mask,
            self._key,
            np.uint32(self._acts),
        )
        return np.asarray(action)


def tells(agent: Agent) -> bool:
    """Whether an agent tells the probabilities of its actions."""
    if not isinstance(agent, DeviceAgent):
        return False
    own = type(agent).probabilities is not DeviceAgent.probabilities
    return own or hasattr(agent, "evaluate")


def as_host_agent(agent: Agent) -> HostAgent:
    """``agent`` as a host agent: itself if it is one."""
    return HostedAgent(agent) if isinstance(agent, DeviceAgent) else agent  # type: ignore[return-value]


def as_host_agents(agents: Sequence[Agent]) -> list[HostAgent]:
    """``agents`` as host agents; a device agent that holds several seats is compiled once."""
    hosted: dict[int, HostedAgent] = {}
    hosts: list[HostAgent] = []
    for agent in agents:
        if isinstance(agent, DeviceAgent):
            hosts.append(hosted.setdefault(id(agent), HostedAgent(agent)).twin())
        else:
            hosts.append(as_host_agent(agent))
    return hosts
