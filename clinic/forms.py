"""How forms look everywhere."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Fields are drawn by one template: label, help, control, error."""

    field_template_name = "clinic/_field.html"
