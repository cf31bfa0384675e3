"""Hypotheses as the files of other tools, and back."""

from scrubkit.interchange.eap_file import EapGraph as EapGraph
from scrubkit.interchange.eap_file import read_eap as read_eap
from scrubkit.interchange.from_eap import from_eap as from_eap
from scrubkit.interchange.to_eap import to_eap as to_eap
