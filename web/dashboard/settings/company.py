"""How a side of a company looks to its customers, and what it gets of their data."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.services.branding import MOST_LOGO_BYTES, ChangeBrand, company_brand
from meterfarm.services.companies import ChangeCompany, change_company, company_settings, history
from meterfarm.services.errors import ServiceError
from meterfarm.services.links import open_form_link
from meterfarm.storage.customers import CompanySettings, Role
from meterfarm.web.brand import look_of
from meterfarm.web.dashboard.access import Form, FormFields, Visiting, Visitor, changes, in_thread, to
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.forms import FormRefused, uploaded

router = APIRouter(prefix="/{side}/settings", include_in_schema=False)
_USUAL_COLOUR = "#0b6b4f"


@router.get("")
async def settings(request: Request, asking: Visiting) -> Response:
    """All that a company chooses, in sections; each has a form of its own."""
    return await in_thread(_page, request, asking)


@router.post("/company", dependencies=[changes(Role.OWNER)])
async def look(request: Request, asking: Visiting, form: FormFields) -> Response:
    """What customers see, and where the form may be."""
    brand = ChangeBrand(
        shown_name=form.get("shown_name", ""),
        colour=form.get("colour", ""),
        policy_url=form.get("policy_url", ""),
        origins=form.get("origins", "").split(),
        open_form=form.get("open_form") == "yes",
    )
    return await _changed(request, asking, ChangeCompany(brand=brand), "company", form)


@router.post("/logo", dependencies=[changes(Role.OWNER)])
async def logo(request: Request, asking: Visiting) -> Response:
    """A picture that stands on the company's form."""

    async def keep(content: bytes, _name: str) -> Response:
        change = ChangeCompany(brand=ChangeBrand(logo=content))
        return await _changed(request, asking, change, "logo", {})

    web = asking.web
    try:
        return await uploaded(request, MOST_LOGO_BYTES, web.public_url, web.uploading, keep)
    except FormRefused as refused:
        return await in_thread(_page, request, asking, "logo", str(refused), {}, refused.status)


@router.post("/logo/remove", dependencies=[changes(Role.OWNER)])
async def no_logo(request: Request, asking: Visiting) -> Response:
    """The company's name stands there instead."""
    return await _changed(request, asking, ChangeCompany(brand=ChangeBrand(logo=b"")), "logo", {})


@router.post("/data", dependencies=[changes(Role.OWNER)])
async def data(request: Request, asking: Visiting, form: FormFields) -> Response:
    """What unlocks by itself, and how numbers are written. Which meters count operators choose: it is
    about what the company pays."""
    kept = form.get("history", "")
    change = ChangeCompany(
        history=form.get("months", "") if kept == "months" else kept,
        continuous=form.get("continuous") == "yes",
        gas_as_text=form.get("gas_as_text") == "yes",
        meter_preference=form.get("meter_preference") if asking.user.is_operator else None,
    )
    return await _changed(request, asking, change, "data", form)


@router.post("/mail", dependencies=[changes(Role.OWNER)])
async def mail(request: Request, asking: Visiting, form: FormFields) -> Response:
    """Who gets news of customers. From where bills may be mailed only operators choose: whoever claims a
    domain gets the bills that its people mail."""
    change = ChangeCompany(
        notification_email=form.get("notification_email", ""),
        mail_domains=form.get("mail_domains", "").split() if asking.user.is_operator else None,
    )
    return await _changed(request, asking, change, "mail", form)


async def _changed(
    request: Request, asking: Visitor, change: ChangeCompany, section: str, form: Form
) -> Response:
    try:
        await in_thread(change_company, asking.web.store, asking.company, change)
    except ServiceError as refused:
        return await in_thread(_page, request, asking, section, str(refused), form, 422)
    return to(f"{asking.path}/settings", done="saved")


def _page(
    request: Request,
    asking: Visitor,
    section: str = "",
    error: str = "",
    form: Form | None = None,
    status: int = 200,
) -> Response:
    """``error`` is what is wrong in the ``section`` with what ``form`` gave, which is shown again."""
    farm, company = asking.web.store, asking.company
    chosen, brand = company_settings(farm, company), company_brand(farm, company)
    is_encrypted = asking.web.public_url.startswith("https:")
    stored = {
        "shown_name": brand.shown_name,
        "colour": brand.colour,
        "policy_url": brand.policy_url,
        "origins": "\n".join(brand.origins),
        "open_form": "yes" if brand.open_form else "",
    }
    values = {
        "here": "company",
        "company_id": company.id,
        "look": look_of(company.id, brand.shown_name or company.name, brand, is_encrypted=is_encrypted),
        "usual_colour": _USUAL_COLOUR,
        "form_link": open_form_link(asking.web.public_url, company.id),
        "most_logo": MOST_LOGO_BYTES // 1024,
        "errors": {section: error},
        "brand": {name: (form or {}).get(name, "") for name in stored} if section == "company" else stored,
        "mail": {
            "notification_email": chosen.notification_email,
            "mail_domains": "\n".join(chosen.mail_domains),
            **(form or {} if section == "mail" else {}),
        },
        "data": {**_stored(chosen), **(form or {})} if section == "data" else _stored(chosen),
    }
    return shown_page(request, asking, "settings/company", values, status)


def _stored(chosen: CompanySettings) -> dict[str, str]:
    kept = history(chosen)
    is_number = kept.isdigit()
    return {
        "history": "months" if is_number else kept,
        "months": kept if is_number else "",
        "continuous": "yes" if chosen.unlock_continuous else "",
        "gas_as_text": "yes" if chosen.gas_as_text else "",
        "meter_preference": chosen.meter_preference.value,
    }
