"""Firewalls on simulated instances: boot, registration, metrics, licenses and quirks."""

import json
from xml.etree import ElementTree as ET

import panos.errors
import pytest
from defusedxml.ElementTree import fromstring
from firewall_lab import (
    BOOTSTRAP,
    BUNDLE,
    BYOL,
    PLACES,
    UNTIL_SERVICE,
    firewall_lab,
    mocked_aws,
    statement,
)
from panorama_lab import VerifiedPanorama, names_lead_to_the_lab
from vpc import create_vpc

from vmseries_lab import firewalls, licensing_api
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.panorama import (
    initial_config,
    lab_settings,
    license_managers,
    op_commands,
    operator_session,
)
from vmseries_lab.panorama.responses import ApiError

CLOUDWATCH = (
    "set template-stack autoscale-stack config devices localhost.localdomain deviceconfig plugins"
    " vm_series aws-cloudwatch "
)
KEY = "<request><license><api-key><set><key>{}</key></set></api-key></license></request>"
INFO = "<request><license><info/></license></request>"
DEACTIVATE = (
    "<request><license><deactivate><VM-Capacity><mode>auto</mode></VM-Capacity></deactivate>"
    "</license></request>"
)


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        yield site


class TestBoot:
    def test_it_joins_within_25_minutes(self, site):
        start = site.world.clock.now()
        instance_id = site.launch()
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        serial = firewall.serial
        assert len(serial) == 15
        assert site.members() == {key: [serial] for key in [*PLACES, "managed"]}
        assert firewall.hostname == "ip-" + firewall.address.replace(".", "-")
        status = site.fleet.status()[0]
        assert (status["phase"], status["connected"], status["licensed"]) == ("in-sync", True, True)
        assert [nic["device_index"] for nic in status["interfaces"]] == [0, 1]
        assert site.kinds(instance_id) == [
            "interface-attached",
            "booted",
            "bootstrapped",
            "licensed",
        ]
        times = {e.kind: e.at for e in site.world.timeline.since()}
        assert 20 * 60 <= times["device-in-sync"] - start <= 27 * 60
        assert site.used() == 1

    def test_the_parameters_may_be_in_the_user_data(self, site):
        text = ";".join(f"{key}={value}" for key, value in BOOTSTRAP.items())
        site.permit()
        assert site.in_service(user_data=text).connected

    @pytest.mark.parametrize("answer", ["whole-bucket", "prefix"])
    def test_the_parameters_may_be_in_a_bucket(self, site, answer):
        """The statements are those of modules/firewall-group for the prefix eu."""
        site.world.assumptions.set(bootstrap_bucket_list=answer)
        s3 = site.client("s3")
        s3.create_bucket(Bucket="boot")
        text = "\n".join(f"{k}={v}" for k, v in BOOTSTRAP.items() if k != "authcodes")
        s3.put_object(Bucket="boot", Key="eu/config/init-cfg.txt", Body=text.encode())
        s3.put_object(Bucket="boot", Key="eu/license/authcodes", Body=b"D1234567\n")
        site.permit(
            statement("s3:ListBucket", "arn:aws:s3:::boot"),
            statement("s3:GetObject", "arn:aws:s3:::boot/eu/*"),
        )
        user_data = "mgmt-interface-swap=enable\nvmseries-bootstrap-aws-s3bucket=boot/eu"
        assert site.in_service(user_data=user_data).serial in site.members()["managed"]

    def test_a_bucket_that_it_may_not_list_is_no_bootstrap(self, site):
        s3 = site.client("s3")
        s3.create_bucket(Bucket="boot")
        site.permit(statement("s3:GetObject", "arn:aws:s3:::boot/eu/*"))
        user_data = "mgmt-interface-swap=enable\nvmseries-bootstrap-aws-s3bucket=boot/eu"
        instance_id = site.launch(user_data=user_data)
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "bootstrap-failed"
        assert "s3:ListBucket" in site.detail("bootstrap-failed")["reason"]

    def test_without_a_management_interface_it_never_registers(self, site):
        instance_id = site.launch(wired=False)
        site.world.advance(300)
        site.attach(instance_id)  # later than the enumeration: not seen
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        assert firewall.phase == "no-management-network"
        assert [nic.device_index for nic in firewall.interfaces] == [0]
        assert site.members()["managed"] == []
        assert site.used() == 0

    def test_without_the_swap_the_first_interface_is_the_management(self, site):
        site.client("secretsmanager").put_secret_value(
            SecretId="bootstrap",
            SecretString=json.dumps({**BOOTSTRAP, "op-command-modes": ""}),
        )
        firewall = site.in_service(user_data="secret_name=bootstrap", wired=False)
        assert firewall.ip_address == firewall.interfaces[0].private_ip

    @pytest.mark.parametrize(
        ("statements", "service"),
        [
            ([], "ec2.amazonaws.com"),
            (
                [statement("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:::other")],
                "ec2.amazonaws.com",
            ),
            ([statement("*")], "lambda.amazonaws.com"),
        ],
    )
    def test_it_cannot_read_what_its_role_does_not_allow(self, site, statements, service):
        site.permit(*statements, service=service)
        instance_id = site.launch()
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "bootstrap-failed"
        assert site.detail("bootstrap-failed")["reason"].startswith("AccessDenied")
        assert site.used() == 0

    def test_a_secret_that_does_not_exist(self, site):
        site.permit(statement("secretsmanager:GetSecretValue"))
        instance_id = site.launch(user_data="mgmt-interface-swap=enable;secret_name=elsewhere")
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "bootstrap-failed"
        assert "ResourceNotFoundException" in site.detail("bootstrap-failed")["reason"]

    def test_a_pool_that_is_exhausted_leaves_it_without_a_serial(self, site):
        site.vendor.licensing.configure(pool_size=1)
        first, second = site.launch(), site.launch()
        site.world.advance(UNTIL_SERVICE)
        phases = sorted(site.fleet.get(name).phase for name in (first, second))
        assert phases == ["in-sync", "unlicensed"]
        assert len(site.members()["managed"]) == 1
        assert site.used() == 1

    def test_licensing_at_boot_is_tried_once(self, site):
        site.vendor.licensing.configure(available=False)
        instance_id = site.launch()
        site.world.advance(600)
        site.vendor.licensing.configure(available=True)
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "unlicensed"
        assert site.members()["managed"] == []

    def test_a_pay_as_you_go_image_needs_no_license_of_a_pool(self, site):
        site.vendor.licensing.configure(pool_size=0)
        firewall = site.in_service(image=BUNDLE)
        assert firewall.connected
        assert site.used() == 0

    def test_an_image_that_is_no_firewall_is_left_alone(self, site, monkeypatch):
        # A Marketplace image of another publisher: the product code says what it is.
        image = backend("ec2").amis[BUNDLE]
        monkeypatch.setattr(image, "product_codes", {"another-product"})
        started = site.client("ec2").run_instances(ImageId=BUNDLE, MinCount=1, MaxCount=1)
        site.world.advance(15)
        assert site.fleet.all() == []
        assert site.world.probe(started["Instances"][0]["InstanceId"], 80)

    @pytest.mark.parametrize(("key", "hours"), [("another", 24), (initial_config.VM_AUTH_KEY, 0)])
    def test_a_wrong_or_expired_auth_key_is_rejected(self, site, key, hours):
        site.vendor.panorama.vm_auth_keys.generate(initial_config.VM_AUTH_KEY, hours)
        parameters = {**BOOTSTRAP, "vm-auth-key": key}
        text = ";".join(f"{name}={value}" for name, value in parameters.items())
        instance_id = site.launch(user_data=text)
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "rejected"
        assert site.members()["managed"] == []

    @pytest.mark.parametrize("missing", ["dgname", "tplname"])
    def test_without_a_group_or_stack_it_does_not_connect(self, site, missing):
        parameters = {**BOOTSTRAP, missing: ""}
        text = ";".join(f"{key}={value}" for key, value in parameters.items())
        instance_id = site.launch(user_data=text)
        site.world.advance(UNTIL_SERVICE)
        assert site.fleet.get(instance_id).phase == "rejected"

    def test_it_waits_for_a_panorama_that_is_away(self, site):
        lab_settings.configure(site.vendor.panorama, available=False)
        instance_id = site.launch()
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        assert firewall.phase == "licensed"
        lab_settings.configure(site.vendor.panorama, available=True)
        site.world.advance(300)
        assert firewall.phase == "in-sync"

    def test_it_answers_health_checks_once_its_configuration_has_arrived(self, site):
        instance_id = site.launch()
        site.world.advance(1200)
        assert not site.world.probe(instance_id, 80)
        site.world.advance(500)
        assert site.world.probe(instance_id, 80)
        assert site.world.probe(instance_id, 443)
        assert not site.world.probe(instance_id, 22)
        assert not site.world.probe(instance_id, 8080)


class TestMetrics:
    def switch_on(self, site, namespace="NS", minutes=1):
        lines = ["enabled yes", f"name {namespace}", f"timeout {minutes}"]
        operator_session.run_commands(site.vendor.panorama, [CLOUDWATCH + line for line in lines])
        site.world.advance(40)

    def published(self, site, name, namespace="NS"):
        answer = site.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            StartTime=site.world.clock.utc().replace(year=2020),
            EndTime=site.world.clock.utc().replace(year=2100),
            Period=60,
            Statistics=["SampleCount", "Maximum"],
        )
        points = answer["Datapoints"]
        return sum(point["SampleCount"] for point in points), [p["Maximum"] for p in points]

    def test_off_unless_the_template_enables_it(self, site):
        site.in_service()
        site.world.advance(900)
        assert site.client("cloudwatch").list_metrics()["Metrics"] == []

    @pytest.mark.parametrize(
        ("publishing", "points"), [("once-a-minute", 1), ("twice-a-minute", 2)]
    )
    def test_ten_metrics_every_interval_without_dimensions(self, site, publishing, points):
        site.world.assumptions.set(metric_publishing=publishing)
        self.switch_on(site)
        firewall = site.in_service()
        firewall.load = firewalls.load_model.Load(sessions=5000, capacity=10_000)
        before, _ = self.published(site, "panSessionUtilization")
        site.world.advance(600)
        after, values = self.published(site, "panSessionUtilization")
        assert after - before == 10 * points
        assert max(values) == 50
        metrics = site.client("cloudwatch").list_metrics(Namespace="NS")["Metrics"]
        assert len({metric["MetricName"] for metric in metrics}) == 10
        assert all(metric["Dimensions"] == [] for metric in metrics)

    @pytest.mark.parametrize(("metrics", "points"), [("zeros", 10), ("nothing", 0)])
    def test_what_a_firewall_without_traffic_publishes(self, site, metrics, points):
        site.world.assumptions.set(
            leaving_firewall_metrics=metrics, metric_publishing="once-a-minute"
        )
        self.switch_on(site)
        site.in_service()
        before, _ = self.published(site, "panSessionUtilization")
        site.world.advance(600)
        after, values = self.published(site, "panSessionUtilization")
        assert after - before == points
        assert set(values) <= {0.0}

    def test_the_interval_is_five_minutes_unless_set(self, site):
        site.world.assumptions.set(metric_publishing="once-a-minute")
        enabled = [CLOUDWATCH + "enabled yes", CLOUDWATCH + "name NS"]
        operator_session.run_commands(site.vendor.panorama, enabled)
        site.world.advance(40)
        site.in_service()
        before, _ = self.published(site, "panSessionActive")
        site.world.advance(900)
        assert self.published(site, "panSessionActive")[0] - before == 3

    def test_a_namespace_that_the_role_may_not_write_to(self, site):
        self.switch_on(site, namespace="Other")
        site.in_service()
        site.world.advance(300)
        assert site.client("cloudwatch").list_metrics()["Metrics"] == []
        assert "AccessDenied" in site.detail("publishing-failed")["reason"]


class TestLicense:
    def execute(self, firewall, command):
        return firewall.operate(fromstring(command))

    def test_a_license_is_returned_later_and_no_longer_shown(self, site):
        site.world.assumptions.set(features_after_deactivation="none")
        firewall = site.in_service()
        held = self.execute(firewall, INFO)
        assert held.findtext("result/licenses/entry/serial") == firewall.serial
        self.execute(firewall, KEY.format(licensing_api.API_KEY))
        answer = self.execute(firewall, DEACTIVATE)
        assert "Successfully deactivated" in "".join(answer.itertext())
        assert site.used() == 1
        site.world.advance(25)
        assert site.used() == 0
        assert ET.tostring(self.execute(firewall, INFO).find("result")) == (
            b"<result><licenses /></result>"
        )
        with pytest.raises(ApiError, match="no VM-Capacity license"):
            self.execute(firewall, DEACTIVATE)

    def test_through_panorama(self, site):
        site.world.assumptions.set(features_after_deactivation="none")
        firewall = site.in_service()
        device = VerifiedPanorama(site.vendor, api_key=initial_config.AUTOSCALE.key)
        with names_lead_to_the_lab():

            def ask(command):
                answer = device.xapi.op(command, extra_qs={"target": firewall.serial})
                return "".join(answer.itertext())

            assert firewall.serial in ask(INFO)
            ask(KEY.format(licensing_api.API_KEY))
            with pytest.raises(panos.errors.PanDeviceXapiError, match="API key is same as old"):
                ask(KEY.format(licensing_api.API_KEY))
            assert "Successfully deactivated" in ask(DEACTIVATE)
            site.world.advance(25)
            assert ask(INFO) == ""
        assert site.used() == 0

    @pytest.mark.parametrize(
        ("key", "text"),
        [(None, "API Key is not set"), ("wrong", "Invalid or missing deactivation token")],
    )
    def test_not_without_the_right_key(self, site, key, text):
        firewall = site.in_service()
        if key:
            self.execute(firewall, KEY.format(key))
        with pytest.raises(ApiError, match=text):
            self.execute(firewall, DEACTIVATE)
        site.world.advance(60)
        assert site.used() == 1

    def test_not_while_the_licensing_service_is_away(self, site):
        firewall = site.in_service()
        self.execute(firewall, KEY.format(licensing_api.API_KEY))
        site.vendor.licensing.configure(available=False)
        with pytest.raises(ApiError, match="try again later"):
            self.execute(firewall, DEACTIVATE)
        site.vendor.licensing.configure(available=True)
        self.execute(firewall, DEACTIVATE)
        site.world.advance(25)
        assert site.used() == 0

    def test_a_deactivation_that_the_licensing_api_rejects(self, site):
        firewall = site.in_service()
        self.execute(firewall, KEY.format(licensing_api.API_KEY))
        site.vendor.licensing.configure(deactivation_error="Contact the support account")
        with pytest.raises(ApiError, match="Contact the support account"):
            self.execute(firewall, DEACTIVATE)
        site.world.advance(60)
        assert site.used() == 1

    def test_the_same_key_twice(self, site):
        firewall = site.in_service()
        self.execute(firewall, KEY.format("K"))
        with pytest.raises(ApiError, match="API key is same as old"):
            self.execute(firewall, KEY.format("K"))
        show = "<request><license><api-key><show/></api-key></license></request>"
        assert self.execute(firewall, show).findtext("result") == "API key: K"

    def test_a_firewall_that_is_halted_keeps_it(self, site):
        firewall = site.in_service()
        site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
        site.world.advance(60)
        assert not firewall.connected
        assert site.fleet.all() == []
        assert site.used() == 1
        assert site.members()["managed"] == [firewall.serial]
        assert "halted" in site.kinds(firewall.machine.instance_id)
        assert "device-disconnected" in site.kinds(firewall.serial)

    def test_without_its_management_interface_it_cannot_be_reached(self, site):
        site.world.assumptions.set(detach="seconds")
        firewall = site.in_service()
        client = site.client("ec2")
        interface = firewall.interfaces[1].interface_id
        described = client.describe_network_interfaces(NetworkInterfaceIds=[interface])
        attachment = described["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
        client.detach_network_interface(AttachmentId=attachment)
        site.world.advance(30)
        assert not firewall.connected
        with pytest.raises(ApiError, match="not connected"):
            self.execute(firewall, DEACTIVATE)

    def test_a_batch_command_on_panorama(self, site):
        firewall = site.in_service()
        site.vendor.panorama.leading.licenses.api_key.value = licensing_api.API_KEY
        batch = (
            "<request><batch><license><deactivate><VM-Capacity><mode>auto</mode>"
            f"<devices>{firewall.serial}</devices></VM-Capacity></deactivate></license></batch>"
            "</request>"
        )
        handlers = site.vendor.panorama.leading.api.handlers
        answer = op_commands.choose(handlers, fromstring(batch))(fromstring(batch), "autoscale")
        assert answer.findtext("result/msg/line") == f"Job enqueued with jobid {2}"
        site.world.advance(60)
        assert site.used() == 0


@pytest.mark.parametrize(("order", "index"), [("attach-order", 2), ("device-index", 1)])
def test_the_guest_numbers_its_interfaces(site, order, index):
    """An assumption: interfaces that are attached in the wrong order are the wrong ones."""
    site.world.assumptions.set(guest_interface_order=order)
    instance_id = site.launch(wired=False)
    attached = {number: site.attach(instance_id, number) for number in (2, 1)}
    site.world.advance(300)
    assert site.fleet.get(instance_id).management.interface_id == attached[index]


def test_a_stopped_instance_comes_back_without_a_new_license(site):
    firewall = site.in_service()
    instance_id, serial = firewall.machine.instance_id, firewall.serial
    site.client("ec2").stop_instances(InstanceIds=[instance_id])
    site.world.advance(30)
    assert not firewall.connected
    site.client("ec2").start_instances(InstanceIds=[instance_id])
    site.world.advance(400)
    assert firewall.connected
    assert (firewall.serial, firewall.phase) == (serial, "in-sync")
    assert site.used() == 1


class TestFastDelicensing:
    """The vendor's fast delicensing of terminated instances."""

    def test_credits_come_back_within_half_an_hour_and_the_device_stays(self, site):
        site.vendor.delicensing.configure()
        firewall, other = site.in_service(), site.in_service()
        site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
        site.world.advance(1700)
        assert site.used() == 2
        site.world.advance(200)
        assert site.used() == 1
        assert sorted(site.members()["managed"]) == sorted([firewall.serial, other.serial])
        assert site.kinds(firewall.serial).count("license-returned") == 1

    def test_not_of_a_device_that_was_removed_from_panorama(self, site):
        site.vendor.delicensing.configure()
        firewall = site.in_service()
        site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
        operator_session.run_commands(
            site.vendor.panorama,
            [
                f"delete {container} {name} {place} {firewall.serial}"
                for container, name, place in (
                    ("device-group", "autoscale", "devices"),
                    ("template-stack", "autoscale-stack", "devices"),
                    ("log-collector-group", "autoscale-logs", "logfwd-setting devices"),
                )
            ]
            + [f"delete mgt-config devices {firewall.serial}"],
        )
        site.world.advance(2000)
        assert site.members()["managed"] == []
        assert site.used() == 1

    def test_not_unless_it_is_on(self, site):
        firewall = site.in_service()
        site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
        site.world.advance(2000)
        assert site.used() == 1
        site.vendor.delicensing.configure(enabled=False)


class TestQuirks:
    """Situations in which it is hard to find a firewall in Panorama or to return its license."""

    def devices(self, site):
        """Return address and connection state by serial number, as Panorama shows them."""
        shown = site.vendor.panorama.leading.api.handlers["show/devices/all"](
            fromstring("<show/>"), ""
        )
        return {
            device.get("name"): (device.findtext("ip-address"), device.findtext("connected"))
            for device in shown.iterfind("result/devices/entry")
        }

    def test_a_firewall_that_never_registers(self, site):
        site.fleet.set_quirks(registers=False)
        instance_id = site.launch()
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        assert (firewall.phase, site.used(), self.devices(site)) == ("licensed", 1, {})
        site.fleet.set_quirks(registers=True)
        assert site.in_service().serial in self.devices(site)

    def test_one_behind_nat(self, site):
        site.fleet.set_quirks(seen_at="198.51.100.7")
        firewall = site.in_service()
        assert self.devices(site) == {firewall.serial: ("198.51.100.7", "yes")}
        system = firewall.operate(fromstring("<show><system><info/></system></show>"))
        assert system.findtext("result/system/ip-address") == firewall.address != "198.51.100.7"

    def test_one_with_a_host_name_that_its_administrator_changed(self, site):
        firewall = site.in_service()
        site.fleet.set_quirks(firewall.machine.instance_id, hostname="fw-7")
        shown = firewall.operate(fromstring("<show><system><info/></system></show>"))
        assert shown.findtext("result/system/hostname") == "fw-7"
        assert site.vendor.panorama.devices.connected(firewall.serial).link.hostname == "fw-7"

    def test_two_vpcs_with_the_same_addresses(self, site):
        first = site.in_service()
        site.vpc = create_vpc(site.client("ec2"))
        site.subnet, site.group = site.vpc.private, site.vpc.group
        management = site.interface(first.address)
        instance_id = site.launch(wired=False)
        site.attach(instance_id, interface_id=management)
        site.world.advance(UNTIL_SERVICE)
        second = site.fleet.get(instance_id)
        assert second.serial != first.serial
        same = (first.address, "yes")
        assert self.devices(site) == {first.serial: same, second.serial: same}

    def test_a_successor_with_the_address_of_a_disconnected_firewall(self, site):
        first = site.in_service()
        client = site.client("ec2")
        client.terminate_instances(InstanceIds=[first.machine.instance_id])
        site.world.advance(60)
        interface = first.interfaces[1].interface_id
        client.delete_network_interface(NetworkInterfaceId=interface)
        management = site.interface(first.address)
        instance_id = site.launch(wired=False)
        site.attach(instance_id, interface_id=management)
        site.world.advance(UNTIL_SERVICE)
        second = site.fleet.get(instance_id)
        assert self.devices(site) == {
            first.serial: (first.address, "no"),
            second.serial: (first.address, "yes"),
        }

    def test_one_without_a_way_to_the_licensing_service(self, site):
        firewall = site.in_service()
        firewall.operate(fromstring(KEY.format(licensing_api.API_KEY)))
        site.fleet.set_quirks(firewall.machine.instance_id, reaches_licensing=False)
        with pytest.raises(ApiError, match="Failed to get license info"):
            firewall.operate(fromstring(DEACTIVATE))
        assert site.used() == 1
        site.fleet.set_quirks(firewall.machine.instance_id, reaches_licensing=True)
        firewall.operate(fromstring(DEACTIVATE))
        site.world.advance(25)
        assert site.used() == 0

    def test_unknown_quirks_and_firewalls_are_rejected(self, site):
        with pytest.raises(ValueError, match="registrs"):
            site.fleet.set_quirks(registrs=False)
        with pytest.raises(ValueError, match="i-none"):
            site.fleet.set_quirks("i-none", registers=False)


class TestControl:
    """Routes of the control API."""

    def call(self, part, method, path, **body):
        return next(r for m, p, r in part.routes() if (m, p) == (method, path))({}, body)

    def test_the_table_of_firewalls(self, site):
        assert self.call(site.fleet, "GET", "firewalls") == []
        firewall = site.in_service()
        row = self.call(site.fleet, "GET", "firewalls")[0]
        assert row["instance_id"] == firewall.machine.instance_id
        assert row["max_sessions"] == 10_000
        assert json.loads(json.dumps(row)) == row

    def test_boots_can_be_shortened(self, site):
        self.call(
            site.fleet, "POST", "firewalls", bootstrap=20, license=21, register=22, content=23
        )
        self.call(site.vendor, "POST", "panorama", push_seconds=1)
        instance_id = site.launch()
        site.world.advance(40)
        assert site.fleet.get(instance_id).phase == "in-sync"
        with pytest.raises(ValueError, match="bootstrp"):
            self.call(site.fleet, "POST", "firewalls", bootstrp=20)

    def test_panorama_and_licensing(self, site):
        settings = self.call(site.vendor, "POST", "panorama", available=False, commit_seconds=5)
        assert (settings["mode"], settings["commit_seconds"]) == ("refusing", 5)
        self.call(site.vendor, "POST", "licensing", pool_size=3)
        assert site.vendor.licensing.pools[licensing_api.AUTH_CODE].total == 3
        commands = [CLOUDWATCH + "enabled yes"]
        assert self.call(site.vendor, "POST", "panorama/cli", commands=commands)["commit"] == 1


class TestLicensedByPanorama:
    """Firewalls that Panorama's plugin licenses."""

    def boot(self, site, image=BYOL, **changes):
        site.vendor.plugin.configure(installed=True)
        manager = next(iter(site.vendor.plugin.managers()))
        parameters = {
            "mgmt-interface-swap": "enable",
            "panorama-server": "panorama.example.com",
            "tplname": manager.stack,
            "dgname": manager.group,
            "auth-key": manager.auth_key,
            "plugin-op-commands": "aws-gwlb-inspect:enable,panorama-licensing-mode-on",
            **changes,
        }
        text = ";".join(f"{key}={value}" for key, value in parameters.items())
        instance_id = site.launch(image=image, user_data=text)
        site.world.advance(UNTIL_SERVICE)
        return site.fleet.get(instance_id)

    def test_it_joins_and_is_licensed_and_then_deactivated(self, site):
        site.world.assumptions.set(features_after_deactivation="none")
        firewall = self.boot(site)
        assert firewall.phase == "in-sync"
        assert firewall.ready
        assert site.members() == {
            "device-group": [firewall.serial],
            "template-stack": [firewall.serial],
            "log-collector-group": [],
            "managed": [firewall.serial],
        }
        info = fromstring(INFO)
        held = firewall.operate(info)
        assert held.findtext("result/licenses/entry/serial") == firewall.serial
        deactivate = (
            "<request><plugins><sw_fw_license><deactivate>"
            f"<devices><member>{firewall.serial}</member></devices>"
            f"<license-manager>{license_managers.LICENSE_MANAGER}</license-manager>"
            "</deactivate></sw_fw_license></plugins></request>"
        )
        handlers = site.vendor.panorama.leading.api.handlers
        command = fromstring(deactivate)
        op_commands.choose(handlers, command)(command, "autoscale")
        site.world.advance(25)
        assert site.used() == 0
        assert len(firewall.operate(info).find("result/licenses")) == 0

    @pytest.mark.parametrize(
        "changes",
        [
            {"auth-key": "_AQ__wrong"},
            {"vm-auth-key": initial_config.VM_AUTH_KEY},
            {"authcodes": licensing_api.AUTH_CODE},
            {"image": BUNDLE},
        ],
    )
    def test_firewalls_that_the_plugin_rejects(self, site, changes):
        firewall = self.boot(site, **changes)
        assert firewall.phase == "rejected"
        assert site.members()["managed"] == []
        assert site.used() == 0

    def test_an_auth_code_that_is_used_up(self, site):
        site.vendor.licensing.configure(pool_size=0)
        firewall = self.boot(site)
        assert firewall.phase == "unlicensed"
        assert site.members()["managed"] == []
