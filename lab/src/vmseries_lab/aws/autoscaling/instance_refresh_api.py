"""The API actions on instance refreshes.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from vmseries_lab.aws.autoscaling.instance_refresh import Refreshes
from vmseries_lab.aws.autoscaling.lifecycle_hooks import find_group
from vmseries_lab.aws.moto_patching import add_method

_PERCENTAGES = {"MinHealthyPercentage": (0, 100), "MaxHealthyPercentage": (100, 200)}
"""https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html"""


class RefreshApi:
    """Starts, describes and cancels instance refreshes."""

    def __init__(self, refreshes: Refreshes) -> None:
        self._refreshes = refreshes
        add_method(AutoScalingResponse, "start_instance_refresh", self.start)
        add_method(AutoScalingResponse, "describe_instance_refreshes", self.describe)
        add_method(AutoScalingResponse, "cancel_instance_refresh", self.cancel)

    def start(self, response: Any) -> Any:
        """StartInstanceRefresh; a group can have one active refresh.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
        """
        parameters = response._get_params()  # noqa: SLF001
        group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
        if self._refreshes.active(group):
            raise AutoscalingClientError(
                "InstanceRefreshInProgress",
                "An Instance Refresh is already in progress and blocks the execution of this "
                "Instance Refresh.",
            )
        preferences = dict(parameters.get("Preferences") or {})
        for name, (low, high) in _PERCENTAGES.items():
            if name in preferences and not low <= int(preferences[name]) <= high:
                raise ValidationError(f"{name} must be between {low} and {high}")
        template = (parameters.get("DesiredConfiguration") or {}).get("LaunchTemplate")
        if template:
            group._set_launch_configuration(None, template, None)  # noqa: SLF001
        refresh = self._refreshes.start(group, preferences)
        return ActionResult({"InstanceRefreshId": refresh.instance_refresh_id})

    def describe(self, response: Any) -> Any:
        """DescribeInstanceRefreshes, newest first.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html
        """
        parameters = response._get_params()  # noqa: SLF001
        group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
        ids = parameters.get("InstanceRefreshIds")
        refreshes = [
            refresh
            for refresh in self._refreshes.all
            if refresh.auto_scaling_group_name == group.name
            and (not ids or refresh.instance_refresh_id in ids)
        ]
        return ActionResult(
            {"InstanceRefreshes": refreshes[: int(parameters.get("MaxRecords") or 50)]}
        )

    def cancel(self, response: Any) -> Any:
        """CancelInstanceRefresh.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html
        """
        parameters = response._get_params()  # noqa: SLF001
        group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
        refresh = self._refreshes.active(group)
        if refresh is None:
            raise AutoscalingClientError(
                "ActiveInstanceRefreshNotFound",
                "No in progress or pending Instance Refresh found for Auto Scaling group "
                f"{group.name}.",
            )
        self._refreshes.cancel(group, refresh)
        return ActionResult({"InstanceRefreshId": refresh.instance_refresh_id})
