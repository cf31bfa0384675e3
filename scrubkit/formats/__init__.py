"""Hypotheses as the files of other tools, and back."""

from scrubkit.formats.eap_file import EapGraph as EapGraph
from scrubkit.formats.eap_file import read_eap as read_eap
from scrubkit.formats.from_eap import from_eap as from_eap
from scrubkit.formats.to_eap import to_eap as to_eap
