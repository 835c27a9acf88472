"""Checkpoints of a run, from which it goes on bit for bit; by orbax, never pickled."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from arenas.errors import BadFile


class Checkpoints:
    """The last and the best checkpoint of a run, in a folder.

    A checkpoint is written beside its place and renamed, so a run that is killed while it writes
    finds the one before.

    Args:
        folder: of all checkpoints of this run; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keep = preservation_policy.AnyPreservationPolicy(
            [
                preservation_policy.LatestN(1),
                preservation_policy.BestN(
                    get_metric_fn=lambda metrics: metrics["score"],
                    n=1,
                    keep_checkpoints_without_metrics=False,
                ),
            ]
        )
        options = ocp.CheckpointManagerOptions(
            preservation_policy=keep,
            enable_async_checkpointing=False,  # what is said to be saved is saved
            cleanup_tmp_directories=True,
        )
        self._manager = ocp.CheckpointManager(
            folder.absolute(),
            options=options,
            item_handlers={  # named, so that what is stored can be asked for before it is read
                "state": ocp.StandardCheckpointHandler(),
                "about": ocp.JsonCheckpointHandler(),
            },
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._manager.close()

    @property
    def last(self) -> int | None:
        """Updates made when the last checkpoint was written; None before the first."""
        return self._manager.latest_step()

    def save(
        self, update: int, state: Any, about: dict[str, Any], score: float | None = None
    ) -> None:
        """Write a checkpoint; nothing where there is one of this update already.

        Args:
            update: number of updates made.
            state: pytree of arrays and random keys.
            about: JSON values that belong to it.
            score: of an evaluation of just this state, higher is better; decides which is best.
        """
        if update == self.last:
            return
        self._manager.save(
            update,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(_flat(state)),
                about=ocp.args.JsonSave(about),
            ),
            metrics=None if score is None else {"score": score},
            force=True,
        )

    def restore(self, like: Any) -> tuple[Any, dict[str, Any]]:
        """The last checkpoint: its state, and what ``about`` held.

        Args:
            like: a state of the same structure, or its abstract form.

        Raises:
            BadFile: there is none, it is damaged, or it belongs to another structure.
        """
        last = self.last
        if last is None:
            raise BadFile(f"{self.folder} holds no checkpoint")
        where = f"{self.folder / str(last)}"
        shapes = {
            n: jax.ShapeDtypeStruct(x.shape, x.dtype)
            for n, x in jax.eval_shape(lambda: _flat(like)).items()
        }
        try:
            # Orbax would find out while it reads, and leave the reads of other arrays hanging.
            held = self._manager.item_metadata(last)["state"]
            for name, shape in shapes.items():
                if name not in held or held[name].shape != shape.shape:
                    raise BadFile(f"checkpoint {where} does not fit this run: {name} is another")
            found = self._manager.restore(
                last,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(shapes), about=ocp.args.JsonRestore()
                ),
            )
        except BadFile:
            raise
        except Exception as error:  # orbax lets those of its storage layers through
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise BadFile(f"checkpoint {where} cannot be read: {first[0]}") from error
        flat, about = found["state"], found["about"]

        def leaf(path: Any, x: Any) -> Any:
            name = jax.tree_util.keystr(path)
            if name not in flat:  # empty
                return jnp.zeros(x.shape, x.dtype)
            if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
                return jax.random.wrap_key_data(jnp.asarray(flat[name]))
            return jnp.asarray(flat[name])

        return jax.tree_util.tree_map_with_path(leaf, like), about


def _flat(state: Any) -> dict[str, Any]:
    """Arrays by name, with keys as their data; without the empty ones, which are not stored."""
    flat = {}
    for path, x in jax.tree_util.tree_leaves_with_path(state):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x = jax.random.key_data(x)
        if np.prod(x.shape, dtype=int):
            flat[jax.tree_util.keystr(path)] = x
    return flat
